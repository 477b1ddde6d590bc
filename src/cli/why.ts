import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';
import { renderPodWhy } from '../explain/render-why.ts';
import type { PodWhy } from '../explain/why-pod.ts';
import { askServer } from './ask-server.ts';

export interface WhyFlags {
  readonly namespace: string;
  readonly output: 'text' | 'json';
}

/** `davit why pod NAME`: why a pod has no node, and what to do about it. */
export async function whyPod(name: string, flags: Partial<Config>, { namespace, output }: WhyFlags): Promise<void> {
  if (name === '') throw new KindError('invalid', 'davit why pod: say which: davit why pod NAME [-n NAMESPACE]');
  const why = (await askServer(flags, `/davit/why/pod/${namespace}/${name}`)) as PodWhy;
  process.stdout.write(output === 'json' ? `${JSON.stringify(why, undefined, 2)}\n` : renderPodWhy(why));
}
