import { nodes } from '../../../api/kubernetes/kinds.ts';
import { nodeNameOf } from '../access/node-authorizer.ts';
import { arrayOf, equal, isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { resourceOf } from '../resources.ts';
import { forbidden } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';

const mirror = 'kubernetes.io/config.mirror';

/** A node writes its own Node, lease and CSINode, and of pods those bound to it; it makes only mirror pods that refer to nothing. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  validate(request, context) {
    const node = nodeNameOf(request.user);
    if (node === undefined) return;
    const why = refusal(request, node, context);
    if (why !== undefined) throw forbidden(request.resource, request.name, why);
  },
};

function refusal(request: AdmissionRequest, node: string, context: AdmissionContext): string | undefined {
  const { group, resource } = request.resource;
  if (group === '' && resource === 'nodes') return nodeRefusal(request, node);
  if (group === '' && resource === 'pods') return podRefusal(request, node, context);
  if (group === 'coordination.k8s.io' && resource === 'leases') {
    if (request.namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace';
    return request.name === node ? undefined : 'can only access node lease with the same name as the requesting node';
  }
  if (group === 'storage.k8s.io' && resource === 'csinodes' && request.name !== node)
    return 'can only access CSINode with the same name as the requesting node';
  return undefined;
}

function nodeRefusal({ operation, object, before, name }: AdmissionRequest, node: string): string | undefined {
  if (operation === 'CREATE') {
    const reserved = reservedLabels(object, undefined);
    if (reserved.length > 0) return `node "${node}" is not allowed to set the following labels: ${reserved.join(', ')}`;
  }
  if (name !== node) return `node "${node}" is not allowed to modify node "${name}"`;
  if (operation !== 'UPDATE') return undefined;
  if (!equal(arrayOf(object.spec?.['taints']), arrayOf(before?.spec?.['taints']))) return `node "${node}" is not allowed to modify taints`;
  const reserved = reservedLabels(object, before);
  if (reserved.length > 0) return `is not allowed to modify labels: ${reserved.join(', ')}`;
  // An owner that is gone would have the node deleted by the garbage collector.
  if (!equal(arrayOf(object.metadata.ownerReferences), arrayOf(before?.metadata.ownerReferences)))
    return `node "${node}" is not allowed to modify ownerReferences`;
  return undefined;
}

/** Labels in Kubernetes' own domains that kubelets set; all others there keep workloads apart, and a node may not give them to itself. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const ownDomain = /(^|\.)(kubelet|node)\.kubernetes\.io\//;
const kubernetesDomain = /(^|\.)(kubernetes|k8s)\.io\//;

function reservedLabels(object: Body, before: Body | undefined): readonly string[] {
  const [now, old] = [object.metadata.labels ?? {}, before?.metadata.labels ?? {}];
  const changed = [...new Set([...Object.keys(now), ...Object.keys(old)])].filter((key) => now[key] !== old[key]);
  return changed.filter((key) => kubernetesDomain.test(key) && !ownLabels.has(key) && !ownDomain.test(key)).toSorted();
}

function podRefusal(request: AdmissionRequest, node: string, context: AdmissionContext): string | undefined {
  const { operation, object, before, subresource } = request;
  const home = textOf(objectOf((operation === 'CREATE' && subresource === undefined ? object : (before ?? object)).spec)['nodeName']);
  if (subresource === 'status') {
    if (home !== node) return `node "${node}" can only update pod status for pods with spec.nodeName set to itself`;
    if (!equal(object.metadata.labels ?? {}, before?.metadata.labels ?? {}))
      return `node "${node}" cannot update labels through pod status`;
    return undefined;
  }
  if (subresource === 'eviction') return home === node ? undefined : `node "${node}" can only evict pods with spec.nodeName set to itself`;
  if (subresource !== undefined) return `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`;
  if (operation === 'CREATE') return newPodRefusal(object, node, context);
  if (operation === 'DELETE') return home === node ? undefined : `node "${node}" can only delete pods with spec.nodeName set to itself`;
  return `unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`;
}

function newPodRefusal(object: Body, node: string, context: AdmissionContext): string | undefined {
  if (object.metadata.annotations?.[mirror] === undefined)
    return `pod does not have "${mirror}" annotation, node "${node}" can only create mirror pods`;
  const spec = objectOf(object.spec);
  if (spec['nodeName'] !== node) return `node "${node}" can only create pods with spec.nodeName set to itself`;
  const owner = ownerRefusal(object, node, context);
  if (owner !== undefined) return owner;
  if (textOf(spec['serviceAccountName']) !== '') return `node "${node}" can not create pods that reference a service account`;
  const what = referred(spec);
  return what === undefined ? undefined : `node "${node}" can not create pods that reference ${what}`;
}

function ownerRefusal({ metadata }: Body, node: string, { registry }: AdmissionContext): string | undefined {
  const [owner, ...more] = metadata.ownerReferences ?? [];
  if (!owner) return undefined;
  if (more.length > 0) return `node "${node}" can only create pods with a single owner reference set to itself`;
  if (owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `node "${node}" can only create pods with an owner reference set to itself`;
  if (owner.controller !== true) return `node "${node}" can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true) return `node "${node}" must not set blockOwnerDeletion on an owner reference`;
  const uid = registry.peek(resourceOf(nodes), { name: node })?.metadata.uid;
  return owner.uid === uid ? undefined : `node ${node} UID mismatch: expected ${owner.uid} got ${uid ?? ''}`;
}

/** What a pod's volumes, environment and pull secrets refer to: more than a node could read without a pod of its own making. */
function referred(spec: JsonObject): string | undefined {
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((field) => objectsOf(spec[field]));
  const variables = containers.flatMap((one) => [
    ...objectsOf(one['envFrom']),
    ...objectsOf(one['env']).map(({ valueFrom }) => objectOf(valueFrom)),
  ]);
  const volumes = objectsOf(spec['volumes']).flatMap((volume) => [volume, ...objectsOf(objectOf(volume['projected'])['sources'])]);
  const places = [...variables, ...volumes];
  const has = (...fields: readonly string[]): boolean => places.some((one) => fields.some((field) => isObject(one[field])));
  if (has('secret', 'secretRef', 'secretKeyRef') || objectsOf(spec['imagePullSecrets']).length > 0) return 'secrets';
  if (has('configMap', 'configMapRef', 'configMapKeyRef')) return 'configmaps';
  return has('persistentVolumeClaim') ? 'persistentvolumeclaims' : undefined;
}
