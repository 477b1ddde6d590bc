import { namespaces } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import type { Change } from '../../../store/store.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

const [foreground, orphan] = ['foregroundDeletion', 'orphan'];

/**
 * What custom resources own goes with them, and custom resources go with their namespace; the controllers see to all other kinds.
 * Runs until the signal aborts.
 */
export async function keepDependents(registry: Registry, signal: AbortSignal): Promise<void> {
  for await (const changes of registry.store.watch('/registry/', { after: registry.store.revision }, signal)) {
    const prefixes = new Map(customResources(registry).map((one) => [prefixOf(one), one]));
    for (const change of changes) {
      const [, custom] = [...prefixes].find(([prefix]) => change.entry.key.startsWith(prefix)) ?? [];
      if (custom) await settle(registry, custom, change);
      else if (change.entry.key.startsWith(prefixOf(namespaces)) && change.type === 'put') await empty(registry, objectAt(change.entry));
    }
  }
}

/** One version of each. */
function customResources({ catalog }: Registry): readonly Resource[] {
  return [...new Map(catalog.all.filter((one) => one.custom).map((one) => [`${one.resource}.${one.group}`, one])).values()];
}

async function settle(registry: Registry, resource: Resource, { type, entry, previous }: Change): Promise<void> {
  const object = type === 'delete' ? previous && objectAt(previous) : objectAt(entry);
  if (!object) return;
  const finalizers = object.metadata.finalizers ?? [];
  if (type === 'delete') return removeDependents(registry, object);
  if (!object.metadata.deletionTimestamp) return;
  if (finalizers.includes(orphan)) await disown(registry, object);
  else if (finalizers.includes(foreground)) await removeDependents(registry, object);
  else return;
  const { namespace, name = '' } = object.metadata;
  await registry
    .replace(resource, { namespace, name }, (current) => ({
      ...current,
      metadata: { ...current.metadata, finalizers: current.metadata.finalizers?.filter((one) => one !== orphan && one !== foreground) },
    }))
    .catch(unlessGone);
}

interface Owned {
  readonly resource: Resource;
  readonly object: Body;
}

function dependentsOf({ store, catalog }: Registry, owner: Body): readonly Owned[] {
  const { namespace, uid } = owner.metadata;
  const isOwned = (object: Body): boolean => object.metadata.ownerReferences?.some((one) => one.uid === uid) === true;
  const kinds = catalog.all.filter((one) => !one.conversion && (one.namespaced || !namespace));
  return kinds.flatMap((resource) =>
    store
      .range(prefixOf(resource, namespace))
      .entries.map(objectAt)
      .filter(isOwned)
      .map((object) => ({ resource, object })),
  );
}

/** An object with another owner besides loses the reference only. */
async function removeDependents(registry: Registry, owner: Body): Promise<void> {
  for (const { resource, object } of dependentsOf(registry, owner)) {
    const { namespace, name = '', ownerReferences = [] } = object.metadata;
    const place = { namespace, name };
    if (ownerReferences.length > 1) await release(registry, resource, object, owner);
    else await registry.delete(resource, place, { propagationPolicy: 'Background' }).catch(unlessGone);
  }
}

async function disown(registry: Registry, owner: Body): Promise<void> {
  for (const { resource, object } of dependentsOf(registry, owner)) await release(registry, resource, object, owner);
}

async function release(registry: Registry, resource: Resource, { metadata: { namespace, name = '' } }: Body, owner: Body): Promise<void> {
  await registry
    .replace(resource, { namespace, name }, ({ metadata, ...rest }) => {
      const { ownerReferences = [], ...others } = metadata;
      const left = ownerReferences.filter((one) => one.uid !== owner.metadata.uid);
      return { ...rest, metadata: { ...others, ...(left.length > 0 && { ownerReferences: left }) } } as Body;
    })
    .catch(unlessGone);
}

async function empty(registry: Registry, namespace: Body): Promise<void> {
  if (!namespace.metadata.deletionTimestamp) return;
  for (const resource of customResources(registry).filter((one) => one.namespaced)) {
    for (const entry of registry.store.range(prefixOf(resource, namespace.metadata.name)).entries) {
      const { metadata } = objectAt(entry);
      await registry.delete(resource, { namespace: metadata.namespace, name: metadata.name ?? '' }).catch(unlessGone);
    }
  }
}

function unlessGone(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}
