import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { delay } from '../../base/abort.ts';
import { delayMs, type Backoff } from '../../base/backoff.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import { silentLog, type Log } from '../../base/log.ts';
import type { Client, ListOptions, WatchEvent } from './client.ts';
import { ObjectCache, keyOf, type Indexer } from './object-cache.ts';

export interface ObjectChange<T> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** For a deletion: as it was last. */
  readonly object: T;
  readonly previous: T | undefined;
}

/**
 * A cache of one kind that follows the server: list, then watch; list again only when the server has forgotten
 * the version it was at. Handlers see the changes of each object in order and never lose its last state;
 * states in between may be skipped while disconnected.
 */
export interface Informer<T extends KubernetesObject> extends AsyncDisposable {
  readonly kind: Kind<T>;
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(index: string, entry: string): readonly T[];
  /** Calls the handler for every change from now on, after an `added` for each object already known. Must not throw. */
  onChange(handler: (change: ObjectChange<T>) => void): void;
  /** Resolves when the first list is in. */
  readonly synced: Promise<void>;
}

export interface InformerOptions<T> extends ListOptions {
  readonly indexers?: Readonly<Record<string, Indexer<T>>>;
  readonly log?: Log;
  readonly backoff?: Backoff;
}

export function informer<T extends KubernetesObject>(client: Client, kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> {
  return new WatchingInformer(client, kind, options);
}

class WatchingInformer<T extends KubernetesObject> implements Informer<T> {
  readonly kind: Kind<T>;
  readonly synced: Promise<void>;
  readonly #client: Client;
  readonly #options: InformerOptions<T>;
  readonly #cache: ObjectCache<T>;
  readonly #handlers: ((change: ObjectChange<T>) => void)[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #markSynced: () => void;
  #version: string | undefined;
  #failures = 0;

  constructor(client: Client, kind: Kind<T>, options: InformerOptions<T>) {
    this.kind = kind;
    this.#client = client;
    this.#options = options;
    this.#cache = new ObjectCache(options.indexers);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
    this.#running = this.#run();
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(): readonly T[] {
    return this.#cache.list();
  }

  byIndex(index: string, entry: string): readonly T[] {
    return this.#cache.byIndex(index, entry);
  }

  onChange(handler: (change: ObjectChange<T>) => void): void {
    this.#handlers.push(handler);
    for (const object of this.#cache.list()) handler({ type: 'added', object, previous: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { log = silentLog, backoff = { initialMs: 25, maxMs: 2_000 } } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#follow();
        continue;
      } catch (error) {
        if (isKind(error, 'expired')) this.#version = undefined;
        else if (!signal.aborted) log.debug({ resource: this.kind.resource, error: messageOf(error) }, 'watch interrupted');
      }
      await delay(delayMs(backoff, this.#failures++), signal).catch(() => undefined);
    }
  }

  /** One connection's worth: ends or throws when the watch does. An end without a single event counts as a failure. */
  async #follow(): Promise<void> {
    this.#version ??= await this.#list();
    const watch = this.#client.watch(this.kind, { ...this.#selection(), resourceVersion: this.#version }, this.#stop.signal);
    let count = 0;
    for await (const event of watch) {
      this.#apply(event);
      this.#failures = 0;
      count++;
    }
    if (count === 0 && !this.#stop.signal.aborted) throw new Error('the server ended the watch at once');
  }

  #selection(): ListOptions {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { namespace, labelSelector, fieldSelector };
  }

  async #list(): Promise<string> {
    const { items, resourceVersion } = await this.#client.list(this.kind, this.#selection());
    const listed = new Set(items.map(keyOf));
    for (const known of this.#cache.list()) if (!listed.has(keyOf(known))) this.#remove(known);
    for (const object of items) this.#put(object);
    this.#markSynced();
    return resourceVersion;
  }

  #apply(event: WatchEvent<T>): void {
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
    if (event.type === 'BOOKMARK') return;
    if (event.type === 'DELETED') return this.#remove(event.object);
    this.#put(event.object);
  }

  #put(object: T): void {
    const previous = this.#cache.get(keyOf(object));
    if (previous && previous.metadata.resourceVersion === object.metadata.resourceVersion) return;
    // Deleted and made again while this was not looking: two lives, two changes.
    if (previous && previous.metadata.uid !== object.metadata.uid) this.#remove(previous);
    this.#cache.set(object);
    const before = previous?.metadata.uid === object.metadata.uid ? previous : undefined;
    this.#tell({ type: before ? 'updated' : 'added', object, previous: before });
  }

  #remove(object: T): void {
    const previous = this.#cache.get(keyOf(object));
    if (!previous) return;
    this.#cache.delete(keyOf(object));
    this.#tell({ type: 'deleted', object, previous });
  }

  #tell(change: ObjectChange<T>): void {
    for (const handler of this.#handlers) handler(change);
  }
}
