import type { Log } from '../../base/log.ts';
import { ActRing, objectKey } from '../client/acts.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { eventRecorder } from '../client/event-recorder.ts';
import { Informers } from '../client/informers.ts';
import { keyOf } from '../client/object-cache.ts';
import type { Use } from '../metrics/usage.ts';
import { startGarbageCollector } from './garbage/garbage-collector.ts';
import { reconcilers } from './reconcilers.ts';
import type { Reconciler } from './reconciler.ts';

export interface ControllersOptions {
  readonly client: Client;
  readonly log: Log;
  /** PEM of the cluster's authority, published as ConfigMap `kube-root-ca.crt`. */
  readonly rootCa: string;
  /** Where volumes of class `davit-local` are made. */
  readonly volumesFolder: string;
  /** Addresses for Services of type LoadBalancer, see `parsePool`. */
  readonly balancerPool: string;
  /** What all pods use, by `namespace/name`; undefined: nothing is scaled by it. */
  readonly usage?: () => Promise<ReadonlyMap<string, Use>>;
}

export interface Controllers extends AsyncDisposable {
  /** What the controllers did lately, and why. */
  readonly acts: ActRing;
}

/** Runs every controller of the cluster, each on its own queue, over shared informers. */
export async function startControllers(options: ControllersOptions): Promise<Controllers> {
  await using starting = new AsyncDisposableStack();
  const acts = new ActRing();
  const informers = starting.use(new Informers(options.client, options.log));
  for (const reconciler of reconcilers(options, informers)) startReconciler(reconciler, options, informers, acts, starting);
  starting.use(startGarbageCollector({ client: options.client, informers, log: options.log, acts }));
  const running = starting.move();
  return { acts, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** One reconciler on the loop; the stack owns it. */
export function startReconciler(
  reconciler: Reconciler,
  { client, log }: Pick<ControllersOptions, 'client' | 'log'>,
  informers: Informers,
  acts: ActRing,
  owner: AsyncDisposableStack,
): Controller {
  const { name } = reconciler;
  const recorder = owner.use(eventRecorder({ client, component: name, log }));
  const sources = reconciler.triggers.map(({ kind, keysOf }) =>
    watching(informers.of(kind), (object) => keysOf(object).map((key) => keyOf({ apiVersion: '', kind: '', metadata: key }))),
  );
  const controller = startController({
    name,
    client,
    log,
    sources,
    record: acts.record,
    reconcile: (key, context) => reconciler.reconcile({ client: context.client, record: recorder.record, now: Date.now }, objectKey(key)),
  });
  return owner.use(controller);
}
