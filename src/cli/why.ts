import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';
import { renderStuck } from '../explain/render-stuck.ts';
import type { StuckReport } from '../explain/stuck/why-stuck.ts';
import { renderPodWhy } from '../explain/render-why.ts';
import type { PodWhy } from '../explain/why-pod.ts';
import { askServer } from './ask-server.ts';
import { objectOf } from './object-argument.ts';

export interface WhyFlags {
  readonly namespace: string;
  readonly output: 'text' | 'json';
}

/** `davit why stuck deploy/web`: what blocks a deletion, a roll-out or a start. Exit code 1 when something does. */
export async function stuckObject(target: string, flags: Partial<Config>, { namespace, output }: WhyFlags): Promise<void> {
  const { kind, name } = objectOf(target);
  const path = ['davit', 'why', 'stuck', kind, namespace, name].map(encodeURIComponent).join('/');
  const report = (await askServer(flags, `/${path}`)) as StuckReport;
  if (report.isStuck) process.exitCode = 1;
  process.stdout.write(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : renderStuck(report));
}

/** `davit why pod NAME`: why a pod has no node, and what to do about it. */
export async function whyPod(name: string, flags: Partial<Config>, { namespace, output }: WhyFlags): Promise<void> {
  if (name === '') throw new KindError('invalid', 'davit why pod: say which: davit why pod NAME [-n NAMESPACE]');
  const why = (await askServer(flags, `/davit/why/pod/${namespace}/${name}`)) as PodWhy;
  process.stdout.write(output === 'json' ? `${JSON.stringify(why, undefined, 2)}\n` : renderPodWhy(why));
}
