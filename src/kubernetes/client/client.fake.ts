import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { ObjectMeta, Pod } from '../../api/kubernetes/types.generated.ts';
import { KindError } from '../../base/errors.ts';
import { newUid, randomSuffix } from '../../base/ids.ts';
import { Pushable } from '../../base/pushable.ts';
import {
  isOwnedBy,
  type Client,
  type DeleteOptions,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type OwnedBy,
  type Patch,
  type WatchEvent,
} from './client.ts';

interface Stored {
  readonly kind: Kind;
  readonly object: KubernetesObject;
}

interface Watch {
  readonly kind: Kind;
  readonly options: ListOptions;
  readonly events: Pushable<WatchEvent<KubernetesObject>>;
}

type Change = { readonly version: number; readonly kind: Kind; readonly event: WatchEvent<KubernetesObject> };

/** Finalizers, versions, graceful deletion and watches as the API server has them; no validation, no defaults, no admission. */
export class FakeClient implements Client {
  readonly #objects = new Map<string, Stored>();
  readonly #watches = new Set<Watch>();
  #changes: Change[] = [];
  #version = 0;
  #forgotten = 0;
  /** Number of writes that changed something. */
  writes = 0;

  async get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return this.#find(kind, key) as T;
  }

  async list<T extends KubernetesObject>(kind: Kind<T>, options: ListOptions & OwnedBy = {}): Promise<ObjectList<T>> {
    const items = [...this.#objects]
      .filter(([, stored]) => isSame(stored.kind, kind) && isSelected(stored.object, options) && isOwnedBy(stored.object, options))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, stored]) => stored.object as T);
    return { resourceVersion: String(this.#version), items };
  }

  async *watch<T extends KubernetesObject>(
    kind: Kind<T>,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const after = Number(options.resourceVersion);
    if (after < this.#forgotten) throw new KindError('expired', `too old resource version: ${after} (${this.#forgotten})`);
    const watch: Watch = { kind, options, events: new Pushable() };
    for (const change of this.#changes) if (change.version > after) tell(watch, change);
    this.#watches.add(watch);
    const end = (): void => watch.events.end();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      yield* watch.events as AsyncIterable<WatchEvent<KubernetesObject>> as AsyncIterable<WatchEvent<T>>;
    } finally {
      signal.removeEventListener('abort', end);
      this.#watches.delete(watch);
    }
  }

  async create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T> {
    const name = object.metadata.name ?? `${object.metadata.generateName}${randomSuffix(5)}`;
    const { namespace } = object.metadata;
    if (this.#objects.has(path(kind, { namespace, name }))) {
      throw new KindError('alreadyExists', `${resourceName(kind)} "${name}" already exists`);
    }
    const own: ObjectMeta = { name, uid: newUid(), creationTimestamp: timestamp(), generation: 1 };
    return this.#save(kind, { ...object, metadata: { ...object.metadata, ...own } }, 'ADDED');
  }

  async update<T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status' | 'finalize'): Promise<T> {
    const { namespace, name = '', resourceVersion } = object.metadata;
    const before = this.#find(kind, { namespace, name });
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      const text = 'the object has been modified; please apply your changes to the latest version and try again';
      throw new KindError('conflict', `Operation cannot be fulfilled on ${resourceName(kind)} "${name}": ${text}`);
    }
    return this.#replace(kind, before, object, subresource);
  }

  async patch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status' | 'scale'): Promise<T> {
    if (patch.type !== 'merge' || subresource === 'scale') throw new KindError('notImplemented', `fake: ${patch.type} patch`);
    const before = this.#find(kind, key);
    const wanted = (patch.body as { readonly metadata?: ObjectMeta }).metadata?.uid;
    if (wanted !== undefined && wanted !== before.metadata.uid) throw new KindError('conflict', `uid ${wanted} is gone`);
    return this.#replace(kind, before, merge(before, patch.body) as T, subresource);
  }

  async delete<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const before = this.#find(kind, key);
    if (options.uid !== undefined && options.uid !== before.metadata.uid) throw new KindError('conflict', `uid ${options.uid} is gone`);
    const finalizers = new Set(before.metadata.finalizers);
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    const grace = kind.kind === 'Pod' && (before as Pod).spec?.nodeName ? (options.gracePeriodSeconds ?? 30) : 0;
    const isHeld = finalizers.size > 0 || grace > 0 || kind.kind === 'Namespace';
    if (!isHeld) return this.#remove(kind, before);
    const deletion: ObjectMeta = {
      finalizers: finalizers.size > 0 ? [...finalizers] : undefined,
      deletionTimestamp: before.metadata.deletionTimestamp ?? timestamp(),
      deletionGracePeriodSeconds: grace,
    };
    const phase = kind.kind === 'Namespace' ? { status: { phase: 'Terminating' } } : {};
    this.#settle(kind, before, { ...before, ...phase, metadata: { ...before.metadata, ...deletion } });
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    const kind: Kind<Pod> = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };
    const pod = this.#find(kind, key) as Pod;
    if (pod.spec?.nodeName) throw new KindError('conflict', `pod ${key.name} is already assigned to node "${pod.spec.nodeName}"`);
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp() };
    const spec = { containers: [], ...pod.spec, nodeName };
    this.#save(kind, { ...pod, spec, status: { ...pod.status, conditions: [scheduled] } }, 'MODIFIED');
  }

  /** As if history had been compacted, with every watch ended by `expired`. */
  expire(): void {
    this.#forgotten = this.#version;
    this.#changes = [];
    for (const watch of this.#watches) watch.events.fail(new KindError('expired', 'too old resource version'));
  }

  /** Ends every watch as a lost connection does. */
  disconnect(): void {
    for (const watch of this.#watches) watch.events.fail(new KindError('unavailable', 'connection lost'));
  }

  #find(kind: Kind, { namespace, name }: ObjectKey): KubernetesObject {
    const stored = this.#objects.get(path(kind, { namespace, name }));
    if (!stored) throw new KindError('notFound', `${resourceName(kind)} "${name}" not found`);
    return stored.object;
  }

  #replace<T extends KubernetesObject>(kind: Kind<T>, before: KubernetesObject, wanted: T, subresource: string | undefined): T {
    const status = (object: object): object => ('status' in object ? { status: object.status } : {});
    const { status: _ignored, ...withoutStatus } = wanted as T & { status?: unknown };
    const next = subresource === 'status' ? { ...before, ...status(wanted) } : { ...withoutStatus, ...status(before) };
    const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = before.metadata;
    const base = subresource === 'status' ? before.metadata : wanted.metadata;
    const isNewSpec = !isEqual((before as { spec?: unknown }).spec, (next as { spec?: unknown }).spec);
    const own = { uid, creationTimestamp, deletionTimestamp, generation: isNewSpec ? generation + 1 : generation };
    const object = { ...next, metadata: { ...base, ...own, resourceVersion: before.metadata.resourceVersion } };
    if (isEqual(before, object)) return before as T;
    return this.#settle(kind, before, object as KubernetesObject) as T;
  }

  /** Saves, or removes what was only waiting for its last finalizer. */
  #settle(kind: Kind, before: KubernetesObject, object: KubernetesObject): KubernetesObject {
    const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
    const inSpec = kind.kind === 'Namespace' ? ((object as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers ?? []) : [];
    if (deletionTimestamp && finalizers.length + inSpec.length === 0 && deletionGracePeriodSeconds === 0) {
      this.#remove(kind, before);
      return object;
    }
    return this.#save(kind, object, 'MODIFIED');
  }

  #save<T extends KubernetesObject>(kind: Kind<T>, object: T, type: 'ADDED' | 'MODIFIED'): T {
    const version = ++this.#version;
    const saved = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
    const plain = JSON.parse(JSON.stringify(saved)) as T;
    this.#objects.set(path(kind, { namespace: plain.metadata.namespace, name: plain.metadata.name ?? '' }), { kind, object: plain });
    this.#announce({ version, kind, event: { type, object: plain } });
    return plain;
  }

  #remove(kind: Kind, object: KubernetesObject): void {
    const version = ++this.#version;
    const { namespace, name = '' } = object.metadata;
    this.#objects.delete(path(kind, { namespace, name }));
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.#announce({ version, kind, event: { type: 'DELETED', object: last } });
  }

  #announce(change: Change): void {
    this.writes++;
    this.#changes.push(change);
    for (const watch of this.#watches) tell(watch, change);
  }
}

function tell(watch: Watch, { kind, event }: Change): void {
  if (isSame(watch.kind, kind) && isSelected(event.object as KubernetesObject, watch.options)) watch.events.push(event);
}

function isSame(a: Kind, b: Kind): boolean {
  return a.group === b.group && a.resource === b.resource;
}

function path(kind: Kind, { namespace, name }: ObjectKey): string {
  return `${kind.group}/${kind.resource}/${kind.namespaced ? namespace : ''}/${name}`;
}

function resourceName(kind: Kind): string {
  return kind.group ? `${kind.resource}.${kind.group}` : kind.resource;
}

/** Equality selectors only. */
function isSelected(object: KubernetesObject, { namespace, labelSelector = '', fieldSelector = '' }: ListOptions): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const holds = (selector: string, value: (key: string) => unknown): boolean =>
    selector.split(',').every((term) => {
      const [key = '', wanted = ''] = term.split('=');
      return term === '' || value(key) === wanted;
    });
  const field = (key: string): unknown =>
    key.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], object) ?? '';
  return holds(labelSelector, (key) => object.metadata.labels?.[key]) && holds(fieldSelector, field);
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}
