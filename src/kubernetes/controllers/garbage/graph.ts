import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { keyOf } from '../../client/object-cache.ts';

/** `pods.|default/web-1`, `replicasets.apps|default/web` */
export function nodeKey(kind: Kind, object: KubernetesObject): string {
  return `${kind.resource}.${kind.group}|${keyOf(object)}`;
}

export function splitNodeKey(text: string): { readonly resource: string; readonly key: string } {
  const [resource = '', key = ''] = text.split('|');
  return { resource, key };
}

/** Who depends on whom: keys of objects by the UIDs that their owner references name. */
export class OwnerGraph {
  readonly #dependents = new Map<string, Set<string>>();

  dependentsOf(uid: string): readonly string[] {
    return [...(this.#dependents.get(uid) ?? [])];
  }

  replace(kind: Kind, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
    if (before) for (const uid of ownerUids(before)) this.#remove(uid, nodeKey(kind, before));
    if (!after) return;
    for (const uid of ownerUids(after)) this.#dependents.set(uid, (this.#dependents.get(uid) ?? new Set()).add(nodeKey(kind, after)));
  }

  #remove(uid: string, key: string): void {
    const keys = this.#dependents.get(uid);
    keys?.delete(key);
    if (keys?.size === 0) this.#dependents.delete(uid);
  }
}

export function ownerUids({ metadata }: KubernetesObject): readonly string[] {
  return (metadata.ownerReferences ?? []).map((reference) => reference.uid);
}
