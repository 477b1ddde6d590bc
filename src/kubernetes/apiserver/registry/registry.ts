import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { KindError, isKind } from '../../../base/errors.ts';
import { recordUpdate } from '../../../api/kubernetes/apply.ts';
import { namespaces } from '../../../api/kubernetes/kinds.ts';
import type { ConflictDetails, Entry, Store } from '../../../store/store.ts';
import { ourselves, type User } from '../access/user.ts';
import { Catalog } from '../catalog.ts';
import { equal, isObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { alreadyExists, conflict, forbidden, modifiedText, notFound } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { admitAll, type Admission, type AdmissionRequest } from './admission.ts';
import { bytesOf, objectAt, withRevision } from './codec.ts';
import { converted, forStorage } from './conversion.ts';
import { keyOf } from './keys.ts';
import { assertAddressed, assertValid, assertValidUpdate, identify, keepIdentity, succeed } from './prepare.ts';
import { timestamp } from '../timestamp.ts';
import { withPriority } from './pod-priority.ts';
import { assertPreconditions, isReleased, markDeleted, type DeleteOptions } from './removal.ts';
import { assignAddresses, type AddressRange } from './service-addresses.ts';

export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Who is recorded as the owner of the fields that the write sets. */
  readonly manager?: string;
  /** The object says in managedFields who owns what. */
  readonly isApply?: boolean;
  /** Who asks; the server itself where nobody is named. */
  readonly user?: User;
  /** The request's options, as admission webhooks are shown them. */
  readonly request?: object;
  warn?(message: string): void;
}

export interface UpdateOptions extends WriteOptions {
  /** What of the object the request may change: everything but the status, the status alone, or what the name says. */
  readonly subresource?: 'status' | 'scale' | 'approval' | 'ephemeralcontainers' | 'resize';
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
const silently = (): void => undefined;

/** Every kind's objects over the store: names, identity, admission, validation, concurrency, deletion. Watching and listing are in `reads.ts`. */
export class Registry {
  readonly store: Store;
  readonly catalog = new Catalog();
  readonly #serviceRange: AddressRange;
  readonly #mutex = new KeyedMutex();
  #admission: Admission = admitAll;

  constructor(store: Store, serviceRange: AddressRange) {
    this.store = store;
    this.#serviceRange = serviceRange;
  }

  get admission(): Admission {
    return this.#admission;
  }

  /** From now on every write passes here first. */
  admitBy(admission: Admission): void {
    this.#admission = admission;
  }

  async get(resource: Resource, place: Place): Promise<Body> {
    const entry = this.#entry(resource, place);
    if (!entry) throw notFound(resource, place.name);
    return converted(resource, objectAt(entry));
  }

  /** The newest object as it is stored, for what the server itself decides. */
  peek(resource: Resource, place: Place): Body | undefined {
    const entry = this.#entry(resource, place);
    return entry && objectAt(entry);
  }

  async create(resource: Resource, namespace: string | undefined, source: Body, options: WriteOptions = {}): Promise<Body> {
    assertAddressed(source, undefined, namespace);
    const home = resource.namespaced ? namespace || 'default' : undefined;
    const user = options.user ?? ourselves;
    const identified = resource.strategy.defaults(identify(resource, source, home, new Date()));
    const { name = '' } = identified.metadata;
    const request = admissionRequest('CREATE', resource, { name, namespace: home }, identified, undefined, options);
    if (home !== undefined) this.#assertNamespace(resource, home, name);
    const admitted = await this.#admission.mutate(request);
    const changed = admitted === identified ? identified : keepIdentity(resource.strategy.defaults(admitted), identified);
    const ready = resource.strategy.prepareForCreate(changed, user);
    const ranked = resource.resource === 'pods' ? withPriority(this.store, ready) : ready;
    const recorded = record(resource, undefined, ranked, options);
    assertValid(resource, recorded);
    const final = { ...request, object: recorded };
    await this.#admission.validate(final);
    return this.#exclusive(resource, final, async () => {
      const object = this.#assigned(resource, recorded, undefined);
      const key = keyOf(resource, home, name);
      if (options.dryRun) {
        if (this.store.get(key)) throw alreadyExists(resource, name);
        return object;
      }
      try {
        return await this.#put(resource, key, object, 0);
      } catch (error) {
        throw actualRevision(error) === undefined ? error : alreadyExists(resource, name);
      }
    });
  }

  /**
   * Replaces an object by what `change` makes of the newest one. A resourceVersion in the result must be the newest;
   * without one the change is tried again when somebody else was quicker. Writes nothing when nothing changed.
   */
  async update(resource: Resource, place: Place, change: (current: Body) => Body, options: UpdateOptions = {}): Promise<Body> {
    const step = (current: Body): Promise<Body> => this.#next(resource, place, current, change(current), options);
    if (resource.resource !== 'services') return this.#guarded(resource, place, step, options.dryRun);
    return this.#mutex.run('services', () => this.#guarded(resource, place, step, options.dryRun));
  }

  /** Writes what `change` makes of the newest object, unchecked: for what the server itself decides. */
  replace(resource: Resource, place: Place, change: (current: Body) => Body, options: WriteOptions = {}): Promise<Body> {
    return this.#guarded(resource, place, change, options.dryRun);
  }

  async #guarded(resource: Resource, place: Place, change: (current: Body) => Body | Promise<Body>, dryRun = false): Promise<Body> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = this.#entry(resource, place);
      if (!entry) throw notFound(resource, place.name);
      const current = await converted(resource, objectAt(entry));
      const next = await change(current);
      if (equal(next, current)) return current;
      if (dryRun) return next;
      try {
        return isReleased(next) ? await this.#remove(entry, next) : await this.#put(resource, entry.key, next, entry.modRevision);
      } catch (error) {
        const actual = actualRevision(error);
        if (actual === undefined) throw error;
        if (actual === 0) throw notFound(resource, place.name);
        if (attempt >= attempts) throw conflict(resource, place.name, modifiedText);
      }
    }
  }

  async delete(resource: Resource, place: Place, options: DeleteOptions = {}, write: WriteOptions = {}): Promise<Removed> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = this.#entry(resource, place);
      if (!entry) throw notFound(resource, place.name);
      const stored = objectAt(entry);
      const current = await converted(resource, stored);
      assertPreconditions(resource, current, options);
      if (resource.resource === 'namespaces') assertDeletable(resource, place.name);
      const dryRun = options.dryRun?.includes('All') === true;
      await this.#admission.validate(admissionRequest('DELETE', resource, place, current, current, { ...write, dryRun }));
      const marked = markDeleted(resource, current, options, new Date());
      try {
        if (dryRun) return { object: marked ?? current, isGone: marked === undefined };
        if (!marked) return { object: await this.#remove(entry, current), isGone: true };
        if (equal(marked, current)) return { object: current, isGone: false };
        return { object: await this.#put(resource, entry.key, marked, entry.modRevision), isGone: false };
      } catch (error) {
        if (actualRevision(error) === undefined || attempt >= attempts) throw error;
      }
    }
  }

  #entry(resource: Resource, place: Place): Entry | undefined {
    return this.store.get(keyOf(resource, place.namespace, place.name));
  }

  async #next(resource: Resource, place: Place, current: Body, wanted: Body, options: UpdateOptions): Promise<Body> {
    const { subresource } = options;
    const { name = '', namespace, resourceVersion } = current.metadata;
    assertAddressed(wanted, name, namespace);
    const revision = wanted.metadata.resourceVersion;
    if (revision && revision !== resourceVersion) throw conflict(resource, name, modifiedText);
    const part = subresource === 'status' || subresource === 'approval' ? 'status' : undefined;
    const merged = succeed(resource, current, wanted, part);
    const filled = part === undefined ? resource.strategy.defaults(merged) : merged;
    const request = admissionRequest('UPDATE', resource, place, filled, current, options);
    const admitted = await this.#admission.mutate(request);
    const changed = admitted === filled ? filled : resource.strategy.defaults(admitted);
    const assigned = part === undefined ? this.#assigned(resource, changed, current) : changed;
    // Defaults and admission may have filled in what the request left out: count again on the final content.
    const next = record(resource, current, succeed(resource, current, assigned, part), options);
    if (part === undefined || resource.resource === 'certificatesigningrequests') assertValidUpdate(resource, next, current, subresource);
    else resource.strategy.validateStatus?.(next, current);
    await this.#admission.validate({ ...request, object: next });
    return next;
  }

  #assigned(resource: Resource, object: Body, before: Body | undefined): Body {
    return resource.resource === 'services' ? assignAddresses(this.store, this.#serviceRange, object, before) : object;
  }

  /** Services are written one at a time, so that no two get the same address; so is what a quota counts. */
  #exclusive<T>(resource: Resource, request: AdmissionRequest, act: () => Promise<T>): Promise<T> {
    const lock = this.#admission.lockOf(request);
    const reserved = async (): Promise<T> => {
      await this.#admission.reserve(request);
      return act();
    };
    const counted = lock === undefined ? act : () => this.#mutex.run(lock, reserved);
    return resource.resource === 'services' ? this.#mutex.run('services', counted) : counted();
  }

  /** NamespaceLifecycle admission. */
  #assertNamespace(resource: Resource, namespace: string, name: string): void {
    const entry = this.store.get(keyOf(namespaces, undefined, namespace));
    if (!entry) throw notFound(namespaces, namespace);
    if (!objectAt(entry).metadata.deletionTimestamp) return;
    throw forbidden(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`);
  }

  async #put(resource: Resource, key: string, object: Body, ifRevision: number): Promise<Body> {
    const stored = await forStorage(resource, object);
    const { entries, revision } = await this.store.write([{ put: key, value: bytesOf(stored), ifRevision }]);
    const [entry] = entries;
    return entry ? converted(resource, objectAt(entry)) : withRevision(object, revision);
  }

  async #remove(entry: Entry, object: Body): Promise<Body> {
    const { revision } = await this.store.write([{ delete: entry.key, ifRevision: entry.modRevision }]);
    return withRevision(object, revision);
  }
}

function admissionRequest(
  operation: AdmissionRequest['operation'],
  resource: Resource,
  place: Place,
  object: Body,
  before: Body | undefined,
  options: UpdateOptions,
): AdmissionRequest {
  const { subresource, dryRun = false, user = ourselves, request, warn = silently } = options;
  return { operation, resource, subresource, ...place, namespace: place.namespace, object, before, user, dryRun, options: request, warn };
}

const lasting = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

function assertDeletable(resource: Resource, name: string): void {
  if (lasting.has(name)) throw forbidden(resource, name, 'this namespace may not be deleted');
}

/** Notes in managedFields who set what; server-side apply has done so itself. Writers without a name are not noted. */
function record(resource: Resource, before: Body | undefined, after: Body, options: UpdateOptions): Body {
  const { manager, isApply, subresource } = options;
  if (manager === undefined || isApply) return after;
  return recordUpdate(resource.type, before, after, { manager, subresource, time: timestamp(new Date()) }) as Body;
}

/** The revision that the key has instead of the expected one, when that is why the write failed. */
function actualRevision(error: unknown): number | undefined {
  if (!(error instanceof KindError) || !isKind(error, 'conflict') || !isObject(error.details)) return undefined;
  return (error.details as unknown as ConflictDetails).actual;
}
