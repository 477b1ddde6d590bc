import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { KindError, isKind } from '../../../base/errors.ts';
import { recordUpdate } from '../../../api/kubernetes/apply.ts';
import { namespaces } from '../../../api/kubernetes/kinds.ts';
import type { ConflictDetails, Entry, Store, WriteOperation } from '../../../store/store.ts';
import { equal, isObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { alreadyExists, conflict, forbidden, modifiedText, notFound } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { bytesOf, objectAt, withRevision } from './codec.ts';
import { keyOf } from './keys.ts';
import { assertAddressed, assertValid, assertValidUpdate, identify, succeed, timestamp } from './prepare.ts';
import { withPriority } from './pod-priority.ts';
import { assertPreconditions, isReleased, markDeleted, type DeleteOptions } from './removal.ts';
import { assignAddresses, type AddressRange } from './service-addresses.ts';

export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Who is recorded as the owner of the fields that the write sets. */
  readonly manager?: string;
  /** The object says in managedFields who owns what. */
  readonly isApply?: boolean;
}

/** Where an object is: the namespace is undefined for cluster-scoped kinds. */
export interface Place {
  readonly namespace?: string;
  readonly name: string;
}

export interface Removed {
  /** The object as it was last, or as it is now when it still waits for something. */
  readonly object: Body;
  readonly isGone: boolean;
}

const attempts = 10;

/** Every kind's objects over the store: names, identity, validation, concurrency, deletion. Watching and listing are in `reads.ts`. */
export class Registry {
  readonly store: Store;
  readonly #serviceRange: AddressRange;
  readonly #mutex = new KeyedMutex();

  constructor(store: Store, serviceRange: AddressRange) {
    this.store = store;
    this.#serviceRange = serviceRange;
  }

  get(resource: Resource, place: Place): Body {
    const entry = this.#entry(resource, place);
    if (!entry) throw notFound(resource, place.name);
    return objectAt(entry);
  }

  async create(resource: Resource, namespace: string | undefined, source: Body, options: WriteOptions = {}): Promise<Body> {
    assertAddressed(source, undefined, namespace);
    const home = resource.namespaced ? namespace || 'default' : undefined;
    const named = resource.strategy.prepareForCreate(resource.strategy.defaults(identify(resource, source, home, new Date())));
    const admitted = resource.resource === 'pods' ? withPriority(this.store, named) : named;
    const recorded = record(resource, undefined, admitted, options);
    if (home !== undefined) this.#assertNamespace(resource, home, named.metadata.name ?? '');
    assertValid(resource, recorded);
    return this.#exclusive(resource, async () => {
      const object = this.#assigned(resource, recorded, undefined);
      const name = object.metadata.name ?? '';
      const key = keyOf(resource, home, name);
      if (options.dryRun) {
        if (this.store.get(key)) throw alreadyExists(resource, name);
        return object;
      }
      try {
        return await this.#put(key, object, 0);
      } catch (error) {
        throw actualRevision(error) === undefined ? error : alreadyExists(resource, name);
      }
    });
  }

  /**
   * Replaces an object by what `change` makes of the newest one. A resourceVersion in the result must be the newest;
   * without one the change is tried again when somebody else was quicker. Writes nothing when nothing changed.
   */
  async update(
    resource: Resource,
    place: Place,
    change: (current: Body) => Body,
    options: WriteOptions & { readonly subresource?: 'status' } = {},
  ): Promise<Body> {
    const { dryRun } = options;
    const step = (current: Body): Body => this.#next(resource, current, change(current), options);
    return this.#exclusive(resource, () => this.#guarded(resource, place, step, dryRun));
  }

  /** Writes what `change` makes of the newest object, unchecked: for what the server itself decides. */
  replace(resource: Resource, place: Place, change: (current: Body) => Body, options: WriteOptions = {}): Promise<Body> {
    return this.#guarded(resource, place, change, options.dryRun);
  }

  async #guarded(resource: Resource, place: Place, change: (current: Body) => Body, dryRun = false): Promise<Body> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = this.#entry(resource, place);
      if (!entry) throw notFound(resource, place.name);
      const current = objectAt(entry);
      const next = change(current);
      if (equal(next, current)) return current;
      if (dryRun) return next;
      try {
        return isReleased(next) ? await this.#remove(entry, next) : await this.#put(entry.key, next, entry.modRevision);
      } catch (error) {
        const actual = actualRevision(error);
        if (actual === undefined) throw error;
        if (actual === 0) throw notFound(resource, place.name);
        if (attempt >= attempts) throw conflict(resource, place.name, modifiedText);
      }
    }
  }

  async delete(resource: Resource, place: Place, options: DeleteOptions = {}): Promise<Removed> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = this.#entry(resource, place);
      if (!entry) throw notFound(resource, place.name);
      const current = objectAt(entry);
      assertPreconditions(resource, current, options);
      if (resource.resource === 'namespaces') assertDeletable(resource, place.name);
      const marked = markDeleted(resource, current, options, new Date());
      try {
        if (options.dryRun?.includes('All')) return { object: marked ?? current, isGone: marked === undefined };
        if (!marked) return { object: await this.#remove(entry, current), isGone: true };
        if (equal(marked, current)) return { object: current, isGone: false };
        return { object: await this.#put(entry.key, marked, entry.modRevision), isGone: false };
      } catch (error) {
        if (actualRevision(error) === undefined || attempt >= attempts) throw error;
      }
    }
  }

  #entry(resource: Resource, place: Place): Entry | undefined {
    return this.store.get(keyOf(resource, place.namespace, place.name));
  }

  #next(resource: Resource, current: Body, wanted: Body, options: WriteOptions & { readonly subresource?: 'status' }): Body {
    const { subresource } = options;
    const { name = '', namespace, resourceVersion } = current.metadata;
    assertAddressed(wanted, name, namespace);
    const revision = wanted.metadata.resourceVersion;
    if (revision && revision !== resourceVersion) throw conflict(resource, name, modifiedText);
    const merged = succeed(resource, current, wanted, subresource);
    if (subresource === 'status') return merged;
    const assigned = this.#assigned(resource, resource.strategy.defaults(merged), current);
    // Defaults may have filled in what the request left out: count again on the final content.
    const next = record(resource, current, succeed(resource, current, assigned, undefined), options);
    assertValidUpdate(resource, next, current);
    return next;
  }

  #assigned(resource: Resource, object: Body, before: Body | undefined): Body {
    return resource.resource === 'services' ? assignAddresses(this.store, this.#serviceRange, object, before) : object;
  }

  /** Services are written one at a time, so that no two get the same address. */
  #exclusive<T>(resource: Resource, act: () => Promise<T>): Promise<T> {
    return resource.resource === 'services' ? this.#mutex.run('services', act) : act();
  }

  /** NamespaceLifecycle admission. */
  #assertNamespace(resource: Resource, namespace: string, name: string): void {
    const entry = this.store.get(keyOf(namespaces, undefined, namespace));
    if (!entry) throw notFound(namespaces, namespace);
    if (!objectAt(entry).metadata.deletionTimestamp) return;
    throw forbidden(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`);
  }

  async #put(key: string, object: Body, ifRevision: number): Promise<Body> {
    const { entries, revision } = await this.#write([{ put: key, value: bytesOf(object), ifRevision }]);
    const [entry] = entries;
    return entry ? objectAt(entry) : withRevision(object, revision);
  }

  async #remove(entry: Entry, object: Body): Promise<Body> {
    const { revision } = await this.#write([{ delete: entry.key, ifRevision: entry.modRevision }]);
    return withRevision(object, revision);
  }

  #write(operations: readonly WriteOperation[]): ReturnType<Store['write']> {
    return this.store.write(operations);
  }
}

const lasting = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

function assertDeletable(resource: Resource, name: string): void {
  if (lasting.has(name)) throw forbidden(resource, name, 'this namespace may not be deleted');
}

/** Notes in managedFields who set what; server-side apply has done so itself. Writers without a name are not noted. */
function record(resource: Resource, before: Body | undefined, after: Body, { manager, isApply }: WriteOptions): Body {
  if (manager === undefined || isApply) return after;
  return recordUpdate(resource.schema, before, after, { manager, time: timestamp(new Date()) }) as Body;
}

/** The revision that the key has instead of the expected one, when that is why the write failed. */
function actualRevision(error: unknown): number | undefined {
  if (!(error instanceof KindError) || !isKind(error, 'conflict') || !isObject(error.details)) return undefined;
  return (error.details as unknown as ConflictDetails).actual;
}
