import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { pods } from '../../api/kubernetes/kinds.ts';
import type { Client, DeleteOptions, ListOptions, ObjectKey, ObjectList, OwnedBy, Patch, WatchEvent } from '../client/client.ts';
import { bindPod } from './subresources/binding.ts';
import { applyPatch } from './registry/apply-patch.ts';
import { decodeBody } from './registry/decode-body.ts';
import { prefixOf } from './registry/keys.ts';
import { OwnerIndex } from './registry/owner-index.ts';
import { listObjects, watchObjects } from './registry/reads.ts';
import type { Registry } from './registry/registry.ts';
import { resourceOf, type Resource } from './resources.ts';
import type { Body } from './strategies/strategy.ts';

/** The same registry that HTTPS requests reach, without sockets: reads share the server's objects. */
export function inProcessClient(registry: Registry): Client {
  return new InProcessClient(registry);
}

const shared = <T extends KubernetesObject>(object: Body): T => object as unknown as T;

class InProcessClient implements Client {
  readonly #registry: Registry;
  readonly #owners = new Map<Resource, OwnerIndex>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return shared<T>(await this.#registry.get(resourceOf(kind), key));
  }

  async list<T extends KubernetesObject>(kind: Kind<T>, options: ListOptions & OwnedBy = {}): Promise<ObjectList<T>> {
    if (options.controlledBy !== undefined) return this.#owned(kind, options.controlledBy, options.namespace);
    const { resourceVersion, items } = await listObjects(this.#registry.store, resourceOf(kind), options);
    return { resourceVersion, items: items as unknown as readonly T[] };
  }

  #owned<T extends KubernetesObject>(kind: Kind<T>, uid: string, namespace: string | undefined): ObjectList<T> {
    const { store } = this.#registry;
    const resource = resourceOf(kind);
    const index = this.#owners.get(resource) ?? new OwnerIndex(store, prefixOf(resource, undefined));
    this.#owners.set(resource, index);
    const items = index.list(uid, prefixOf(resource, namespace)) as unknown as readonly T[];
    return { resourceVersion: String(store.revision), items };
  }

  async *watch<T extends KubernetesObject>(
    kind: Kind<T>,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    for await (const events of watchObjects(this.#registry.store, resourceOf(kind), options, signal)) {
      for (const event of events) {
        if (event.type === 'BOOKMARK') yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: event.resourceVersion } } };
        else yield { type: event.type, object: shared<T>(event.object) };
      }
    }
  }

  async create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T> {
    const resource = resourceOf(kind);
    const body = decodeBody(resource, object, 'Strict').object;
    return shared<T>(await this.#registry.create(resource, object.metadata.namespace, body));
  }

  async update<T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status'): Promise<T> {
    const resource = resourceOf(kind);
    const body = decodeBody(resource, object, 'Strict').object;
    const { name = '', namespace } = object.metadata;
    return shared<T>(await this.#registry.update(resource, { name, namespace }, () => body, { subresource }));
  }

  async patch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status' | 'scale'): Promise<T> {
    const { fieldManager: manager, ...rest } = patch;
    const { object } = await applyPatch(this.#registry, resourceOf(kind), key, { ...rest, manager, subresource, validation: 'Strict' });
    return shared<T>(object);
  }

  async delete<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, ...rest } = options;
    await this.#registry.delete(resourceOf(kind), key, { ...rest, preconditions: { uid, resourceVersion } });
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    await bindPod(this.#registry, resourceOf(pods), key, nodeName);
  }
}
