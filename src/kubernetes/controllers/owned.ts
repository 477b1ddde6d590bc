import { isKind } from '../../base/errors.ts';
import { matchesLabels } from '../../api/kubernetes/label-selector.ts';
import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { LabelSelector } from '../../api/kubernetes/types.generated.ts';
import type { Client, ObjectKey } from '../client/client.ts';
import { controllerOf, controllerReference } from './pod-facts.ts';

/** The object, or undefined when it is gone: a reconcile then has nothing to do. */
export async function getIfExists<T extends KubernetesObject>(client: Client, kind: Kind<T>, key: ObjectKey): Promise<T | undefined> {
  try {
    return await client.get(kind, key);
  } catch (error) {
    if (isKind(error, 'notFound')) return undefined;
    throw error;
  }
}

/**
 * What an owner controls: dependents that name its UID; those that match its selector and have no controller are adopted,
 * those it controls that match no longer are released (controllerRef manager of upstream).
 */
export async function claimOwned<T extends KubernetesObject>(
  client: Client,
  owner: KubernetesObject,
  kind: Kind<T>,
  selector: LabelSelector | undefined,
): Promise<readonly T[]> {
  const { items } = await client.list(kind, { namespace: owner.metadata.namespace, controlledBy: owner.metadata.uid });
  const claimed: T[] = [];
  for (const item of items) {
    const controller = controllerOf(item);
    const matches = selector !== undefined && matchesLabels(selector, item.metadata.labels ?? {});
    if (controller?.uid === owner.metadata.uid) {
      if (matches || item.metadata.deletionTimestamp) claimed.push(item);
      else await release(client, owner, kind, item);
      continue;
    }
    if (controller || !matches || item.metadata.deletionTimestamp || owner.metadata.deletionTimestamp) continue;
    claimed.push(await adopt(client, owner, kind, item));
  }
  return claimed;
}

function adopt<T extends KubernetesObject>(client: Client, owner: KubernetesObject, kind: Kind<T>, item: T): Promise<T> {
  const ownerReferences = [...(item.metadata.ownerReferences ?? []), controllerReference(owner)];
  return client.update(kind, { ...item, metadata: { ...item.metadata, ownerReferences } });
}

async function release<T extends KubernetesObject>(client: Client, owner: KubernetesObject, kind: Kind<T>, item: T): Promise<void> {
  const ownerReferences = (item.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
  await client.update(kind, { ...item, metadata: { ...item.metadata, ownerReferences } });
}

/** Equal as JSON, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [
    Object.entries(a).filter(([, value]) => value !== undefined),
    Object.entries(b).filter(([, value]) => value !== undefined),
  ];
  const other = new Map(right);
  return left.length === right.length && left.every(([key, value]) => other.has(key) && isEqual(value, other.get(key)));
}
