import { pods } from '../api/kubernetes/kinds.ts';
import { KindError } from '../base/errors.ts';
import type { Client } from '../kubernetes/client/client.ts';
import type { ObjectReader } from '../kubernetes/client/object-reader.ts';
import type { RunningScheduler } from '../kubernetes/scheduler/start.ts';
import { kindNamed, whyStuck } from './stuck/why-stuck.ts';
import { whyPod, type PodWhy } from './why-pod.ts';

export interface WhyParts {
  readonly client: Client;
  readonly reader: ObjectReader;
  readonly scheduler: RunningScheduler;
}

/** Answers `/davit/why/pod/<namespace>/<name>` and `/davit/why/stuck/<kind>/<namespace>/<name>`. */
export function answerWhy({ client, reader, scheduler }: WhyParts): (rest: readonly string[]) => Promise<object> {
  const whyUnplaced = async (key: { readonly namespace: string; readonly name: string }): Promise<PodWhy> => {
    const { cluster, profiles } = scheduler;
    return whyPod(await client.get(pods, key), { cluster, profiles, attempt: scheduler.attempt(`${key.namespace}/${key.name}`) });
  };
  return async ([what, ...rest]) => {
    if (what === 'stuck') {
      const [type = '', namespace = '', name = ''] = rest;
      const kind = kindNamed(reader.kinds(), type);
      return whyStuck({ reader, whyUnplaced, now: Date.now() }, { kind, name, namespace: kind.namespaced ? namespace : undefined });
    }
    const [namespace = '', name = ''] = rest;
    if (what !== 'pod') throw new KindError('notFound', `why ${what}: davit explains "pod" and "stuck"`);
    return whyUnplaced({ namespace, name });
  };
}
