import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';

/** `/registry/pods/default/web`, `/registry/deployments/default/web`, `/registry/minions/n1`: where kube-apiserver keeps it. */
export function keyOf(kind: Kind<KubernetesObject>, namespace: string | undefined, name: string): string {
  return `${prefixOf(kind, namespace)}${name}`;
}

/** All objects of a kind, or those of one namespace. */
export function prefixOf(kind: Kind<KubernetesObject>, namespace?: string): string {
  const all = `/registry/${folderOf(kind)}/`;
  return kind.namespaced && namespace ? `${all}${namespace}/` : all;
}

/** The kinds that kube-apiserver keeps elsewhere than under the name of their resource, for history's sake. */
const folders: Readonly<Record<string, string>> = {
  replicationcontrollers: 'controllers',
  endpoints: 'services/endpoints',
  nodes: 'minions',
  services: 'services/specs',
  ingresses: 'ingress',
};

/** Kubernetes' own groups whose kinds lie directly below /registry; all others, custom resources too, below their group's name. */
const direct = new Set([
  '',
  'admissionregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);

function folderOf({ group, resource }: Kind<KubernetesObject>): string {
  return direct.has(group) ? (folders[resource] ?? resource) : `${group}/${resource}`;
}
