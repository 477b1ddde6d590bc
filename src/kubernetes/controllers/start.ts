import { events } from '../../api/kubernetes/kinds.ts';
import type { Log } from '../../base/log.ts';
import { objectKey, type Record } from '../client/acts.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { eventRecorder } from '../client/event-recorder.ts';
import { Informers } from '../client/informers.ts';
import { keyOf } from '../client/object-cache.ts';
import type { Use } from '../metrics/usage.ts';
import { startGarbageCollector } from './garbage/garbage-collector.ts';
import { reconcilers } from './reconcilers.ts';
import { recordEvents } from './record-events.ts';
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
  /** Hears of everything that is done to objects, and why. */
  readonly record?: Record;
}

/** Runs every controller of the cluster, each on its own queue, over shared informers. */
export async function startControllers(options: ControllersOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const informers = starting.use(new Informers(options.client, options.log));
  for (const reconciler of reconcilers(options, informers)) startReconciler(reconciler, options, informers, starting);
  starting.use(startGarbageCollector({ client: options.client, informers, log: options.log, record: options.record }));
  if (options.record) recordEvents(informers.of(events), options.record);
  return starting.move();
}

/** One reconciler on the loop; the stack owns it. */
export function startReconciler(
  reconciler: Reconciler,
  { client, log, record }: Pick<ControllersOptions, 'client' | 'log' | 'record'>,
  informers: Informers,
  owner: AsyncDisposableStack,
): Controller {
  const { name, triggers } = reconciler;
  const kind = triggers[0]?.kind.kind ?? name;
  const recorder = owner.use(eventRecorder({ client, component: name, log }));
  const sources = triggers.map(({ kind: from, keysOf }) =>
    watching(informers.of(from), (object) => keysOf(object).map((key) => keyOf({ apiVersion: '', kind: '', metadata: key }))),
  );
  const controller = startController({
    name,
    client,
    log,
    sources,
    ...(record && { record }),
    namedBy: (key) => ({ kind, key }),
    reconcile: (key, context) => reconciler.reconcile({ client: context.client, record: recorder.record, now: Date.now }, objectKey(key)),
  });
  return owner.use(controller);
}
