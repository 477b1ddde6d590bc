import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Backoff } from '../../base/backoff.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { WorkQueue, type WorkItem } from '../../base/work-queue.ts';
import { actOf, actText, recordingClient, type Named, type Record } from './acts.ts';
import type { Client } from './client.ts';
import type { Informer, ObjectChange } from './informer.ts';
import { keyOf } from './object-cache.ts';

/** Something whose changes may concern keys of this controller. */
export interface Source {
  /** Resolves when the source's present state has been told. */
  readonly synced: Promise<void>;
  subscribe(add: (key: string, cause: string) => void): void;
}

export interface ReconcileContext {
  /** Why it runs; for records and logs, never for decisions. */
  readonly causes: readonly string[];
  /** Writes through it are recorded with their causes. */
  readonly client: Client;
  /** Aborts when the controller is being stopped. */
  readonly signal: AbortSignal;
}

/** Makes the world fit what `key` names. Returns when to look again, if time itself matters. */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<{ readonly requeueAfterMs: number } | void>;

export interface ControllerOptions {
  readonly name: string;
  readonly client: Client;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  readonly log: Log;
  /** Keys worked on at the same time; the same key never twice. */
  readonly workers?: number;
  readonly backoff?: Backoff;
  readonly record?: Record;
  /** What a key names, for the record; by default it is named by the controller. */
  readonly namedBy?: (key: string) => Named;
}

/** A running loop. Disposing waits for the reconciles under way. */
export interface Controller extends AsyncDisposable {
  readonly name: string;
  /** Runs a key for a reason from outside the API. */
  enqueue(key: string, cause: string): void;
}

/**
 * The one reconcile loop:
 *
 *   sources ──key, cause──► WorkQueue ──► N workers ──► reconcile ─┬─ done: forget its failures
 *                               ▲  ▲                               ├─ requeueAfterMs: again then
 *                               │  └───────────────────────────────┤
 *                               └── back-off, doubling ────────────┴─ error
 */
export function startController(options: ControllerOptions): Controller {
  const queue = new WorkQueue(options.backoff);
  const stop = new AbortController();
  for (const source of options.sources) source.subscribe((key, cause) => queue.add(key, cause));
  const ready = Promise.all(options.sources.map((source) => source.synced));
  const workers = Array.from({ length: options.workers ?? 2 }, async () => {
    await Promise.race([ready, aborted(stop.signal)]);
    for (let item = await queue.take(); item; item = await queue.take()) {
      await runOnce(item, queue, options, stop.signal);
      queue.done(item.key);
    }
  });
  return {
    name: options.name,
    enqueue: (key, cause) => queue.add(key, cause),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      queue.close();
      await Promise.all(workers);
    },
  };
}

async function runOnce({ key, causes }: WorkItem, queue: WorkQueue, options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { name: controller, log, record, namedBy = () => ({ kind: controller, key }) } = options;
  const client = recordingClient(options.client, (written) => {
    log.debug({ controller, key, causes, act: actText(written) }, 'act');
    record?.(actOf(controller, namedBy(key), causes, written));
  });
  try {
    const later = await options.reconcile(key, { causes, client, signal });
    queue.forget(key);
    if (later) queue.addAfter(key, 'time', later.requeueAfterMs);
  } catch (error) {
    if (signal.aborted) return;
    // Conflicts are the normal outcome of reading a cache that is a moment old.
    const level = isKind(error, 'conflict') ? 'debug' : 'warn';
    log[level]({ controller, key, error: messageOf(error) }, 'reconcile failed, will try again');
    queue.retry(key, 'retry');
  }
}

/** The keys that a change of an informer's object concerns: by default its own. */
export function watching<T extends KubernetesObject>(
  from: Informer<T>,
  keys: (object: T, change: ObjectChange<T>) => readonly string[] = (object) => [keyOf(object)],
): Source {
  return {
    synced: from.synced,
    subscribe: (add) =>
      from.onChange((change) => {
        const cause = causeOf(from.kind, change);
        // A changed object may have moved away from a key, which must hear of it too.
        const before = change.type === 'updated' && change.previous ? keys(change.previous, change) : [];
        for (const key of new Set([...before, ...keys(change.object, change)])) add(key, cause);
      }),
  };
}

/** `Pod default/web-1 updated @1042`; who wished it, where what is wished changed. */
export function causeOf<T extends KubernetesObject>({ kind }: Kind<T>, { type, object, previous }: ObjectChange<T>): string {
  const { resourceVersion, generation } = object.metadata;
  const isWish = type === 'added' || (type === 'updated' && generation !== undefined && generation !== previous?.metadata.generation);
  const by = isWish ? lastWriter(object) : undefined;
  return `${kind} ${keyOf(object)} ${type} @${resourceVersion}${by === undefined ? '' : ` by ${by}`}`;
}

function lastWriter({ metadata }: KubernetesObject): string | undefined {
  const writers = (metadata.managedFields ?? []).filter(({ subresource }) => subresource !== 'status');
  return writers.reduce<(typeof writers)[number] | undefined>(
    (last, one) => ((one.time ?? '') >= (last?.time ?? '') ? one : last),
    undefined,
  )?.manager;
}

/** The key of the controller that owns the object, when it is of that kind. */
export function ownerKeys(ownerKind: string): (object: KubernetesObject) => readonly string[] {
  return ({ metadata }) => {
    const owner = metadata.ownerReferences?.find((reference) => reference.controller === true && reference.kind === ownerKind);
    if (!owner) return [];
    return [metadata.namespace ? `${metadata.namespace}/${owner.name}` : owner.name];
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
