import { events, newEvents, type Kind, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';

/** `/registry/core/pods/default/web`, `/registry/apps/deployments/default/web`, `/registry/core/nodes/n1`. */
export function keyOf(kind: Kind<KubernetesObject>, namespace: string | undefined, name: string): string {
  return `${prefixOf(kind, namespace)}${name}`;
}

/** All objects of a kind, or those of one namespace. */
export function prefixOf(kind: Kind<KubernetesObject>, namespace?: string): string {
  const { group, resource } = kind.group === newEvents.group && kind.resource === newEvents.resource ? events : kind;
  const all = `/registry/${group || 'core'}/${resource}/`;
  return kind.namespaced && namespace ? `${all}${namespace}/` : all;
}
