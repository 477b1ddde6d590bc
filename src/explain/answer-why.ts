import { pods } from '../api/kubernetes/kinds.ts';
import { KindError } from '../base/errors.ts';
import type { Client } from '../kubernetes/client/client.ts';
import type { RunningScheduler } from '../kubernetes/scheduler/start.ts';
import { whyPod } from './why-pod.ts';

/** Answers `/davit/why/pod/<namespace>/<name>`. */
export function answerWhy(client: Client, scheduler: RunningScheduler): (rest: readonly string[]) => Promise<object> {
  return async ([what, namespace = '', name = '']) => {
    if (what !== 'pod') throw new KindError('notFound', `why ${what}: davit explains pods`);
    const pod = await client.get(pods, { namespace, name });
    const { cluster, profiles } = scheduler;
    return whyPod(pod, { cluster, profiles, attempt: scheduler.attempt(`${namespace}/${name}`) });
  };
}
