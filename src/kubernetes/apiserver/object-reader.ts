import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { isKind, KindError } from '../../base/errors.ts';
import type { ObjectReader } from '../client/object-reader.ts';
import { listObjects } from './registry/reads.ts';
import type { Registry } from './registry/registry.ts';
import type { Resource } from './resources.ts';

/** The registry's objects, without sockets. */
export function objectReader(registry: Registry): ObjectReader {
  const resourceOf = ({ group, version, resource }: Kind): Resource => {
    const found = registry.catalog.find(group, version, resource);
    if (!found) throw new KindError('notFound', `${resource}.${group} is not served`);
    return found;
  };
  return {
    kinds: () => registry.catalog.all,
    async get<T extends KubernetesObject>(kind: Kind<T>, key: { readonly namespace?: string; readonly name: string }) {
      try {
        return (await registry.get(resourceOf(kind), key)) as unknown as T;
      } catch (error) {
        if (isKind(error, 'notFound')) return undefined;
        throw error;
      }
    },
    async list<T extends KubernetesObject>(kind: Kind<T>, namespace?: string) {
      const { items } = await listObjects(registry.store, resourceOf(kind), namespace === undefined ? {} : { namespace });
      return items as unknown as readonly T[];
    },
  };
}
