import { ingresses, pods } from '../../../api/kubernetes/kinds.ts';
import type { Ingress, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Store } from '../../../store/store.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Attributes } from './attributes.ts';
import type { User } from './user.ts';

const read = ['get', 'list', 'watch'];

/** What kubelets and the node's proxy and DNS do (upstream: Node authorizer and system:node, system:node-proxier, system:kube-dns). */
const nodeRules: Readonly<Record<string, readonly string[]>> = {
  nodes: [...read, 'create', 'update', 'patch'],
  'nodes/status': ['get', 'update', 'patch'],
  pods: [...read, 'create', 'delete'],
  'pods/status': ['get', 'update', 'patch'],
  'pods/eviction': ['create'],
  events: ['create', 'update', 'patch'],
  leases: ['get', 'create', 'update', 'patch', 'delete'],
  services: read,
  endpoints: read,
  endpointslices: read,
  namespaces: read,
  networkpolicies: read,
  ingresses: read,
  ingressclasses: read,
  persistentvolumeclaims: ['get'],
  persistentvolumes: ['get'],
  'serviceaccounts/token': ['create'],
  runtimeclasses: read,
  csidrivers: read,
  csinodes: ['get', 'create', 'update', 'patch', 'delete'],
  volumeattachments: ['get'],
  certificatesigningrequests: ['create', ...read],
  tokenreviews: ['create'],
  subjectaccessreviews: ['create'],
};

/** Settings of cluster DNS, which answers on every node. */
const dnsConfigMap = 'kube-dns';
/** Only by name, and only what a pod on the node refers to, or an Ingress by its certificates. */
const referenced = new Set(['secrets', 'configmaps']);

export function nodeNameOf(user: User): string | undefined {
  if (!user.groups.includes('system:nodes') || !user.name.startsWith('system:node:')) return undefined;
  return user.name.slice('system:node:'.length);
}

/** Whether a node may: what every node may, its own Node object, and what its pods refer to. */
export function nodeAllows(store: Store, user: User, asked: Attributes): boolean {
  const node = nodeNameOf(user);
  if (node === undefined || 'path' in asked) return false;
  const { verb, resource, subresource, name, namespace } = asked;
  if (referenced.has(resource) && subresource === undefined && name !== undefined && read.includes(verb)) {
    if (resource === 'configmaps' && namespace === 'kube-system' && name === dnsConfigMap) return true;
    if (resource === 'secrets' && certificatesOf(store, namespace).includes(name)) return true;
    return podsOn(store, node, namespace).some((pod) => referencesOf(pod, resource).includes(name));
  }
  const full = subresource ? `${resource}/${subresource}` : resource;
  if (nodeRules[full]?.includes(verb) !== true) return false;
  if (full === 'serviceaccounts/token') {
    return podsOn(store, node, namespace).some((pod) => (pod.spec?.serviceAccountName ?? 'default') === name);
  }
  return resource !== 'nodes' || read.includes(verb) || name === undefined || name === node;
}

function podsOn(store: Store, node: string, namespace: string | undefined): readonly Pod[] {
  const { entries } = store.range(prefixOf(pods, namespace));
  return entries.map((entry) => objectAt(entry) as unknown as Pod).filter(({ spec }) => spec?.nodeName === node);
}

/** Names of the secrets that the gateway on every node presents. */
function certificatesOf(store: Store, namespace: string | undefined): readonly string[] {
  const all = store.range(prefixOf(ingresses, namespace)).entries.map((entry) => objectAt(entry) as unknown as Ingress);
  return all.flatMap(({ spec }) => (spec?.tls ?? []).flatMap(({ secretName }) => secretName ?? []));
}

/** Names of the secrets or config maps that a pod's volumes, environment and pull secrets name. */
function referencesOf({ spec }: Pod, resource: string): readonly string[] {
  const isSecret = resource === 'secrets';
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const environment = containers.flatMap(({ env = [], envFrom = [] }) => [
    ...env.map(({ valueFrom }) => (isSecret ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name)),
    ...envFrom.map((from) => (isSecret ? from.secretRef?.name : from.configMapRef?.name)),
  ]);
  const volumes = (spec?.volumes ?? []).flatMap((volume) => [
    isSecret ? volume.secret?.secretName : volume.configMap?.name,
    ...(volume.projected?.sources ?? []).map((source) => (isSecret ? source.secret?.name : source.configMap?.name)),
  ]);
  const pulls = isSecret ? (spec?.imagePullSecrets ?? []).map(({ name }) => name) : [];
  return [...environment, ...volumes, ...pulls].filter((one) => one !== undefined);
}
