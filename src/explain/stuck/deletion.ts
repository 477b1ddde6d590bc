import { nodes, type Kind, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Namespace, PersistentVolumeClaim, Pod } from '../../api/kubernetes/types.generated.ts';
import { argumentsOf, referenceTo, type Facts, type Finding } from './finding.ts';
import { usersOf } from './others.ts';

/** Why an object that was deleted is still there. */
export async function stuckDeletion(facts: Facts, kind: Kind, object: KubernetesObject): Promise<Finding> {
  const { finalizers = [] } = object.metadata;
  const [finalizer] = finalizers;
  if (kind.resource === 'namespaces') return fullNamespace(facts, object as Namespace);
  if (finalizer === 'foregroundDeletion') {
    const dependent = await dependentOf(facts, object);
    return dependent
      ? { text: 'it goes when what it owns has gone', next: dependent }
      : { text: 'what it owned has gone: the garbage collector lets it go shortly' };
  }
  if (finalizer === 'kubernetes.io/pvc-protection') {
    const [user] = await usersOf(facts, object as PersistentVolumeClaim);
    if (user) {
      const { name, namespace } = user.metadata;
      return { text: `pod ${name} uses it`, fix: { text: 'let the pod go', command: `kubectl delete pod ${name} -n ${namespace}` } };
    }
  }
  if (finalizer === 'kubernetes.io/pv-protection') {
    const claim = (object as { readonly spec?: { readonly claimRef?: { readonly namespace: string; readonly name: string } } }).spec
      ?.claimRef;
    if (claim) {
      const command = `kubectl delete pvc ${claim.name} -n ${claim.namespace}`;
      return { text: `it is bound to claim ${claim.namespace}/${claim.name}`, fix: { text: 'let the claim go', command } };
    }
  }
  if (finalizer !== undefined) return foreignFinalizer(kind, object, finalizer);
  return kind.resource === 'pods' ? endingPod(facts, kind, object as Pod) : { text: 'it goes shortly' };
}

function foreignFinalizer(kind: Kind, object: KubernetesObject, finalizer: string): Finding {
  const body = JSON.stringify([
    { op: 'test', path: '/metadata/finalizers/0', value: finalizer },
    { op: 'remove', path: '/metadata/finalizers/0' },
  ]);
  return {
    text: `finalizer ${finalizer}: whoever put it there has not taken it off`,
    fix: {
      text: 'take it off in their stead (what they would have cleaned up stays)',
      command: `kubectl patch ${argumentsOf(referenceTo(kind, object))} --type=json -p '${body}'`,
    },
  };
}

async function endingPod({ reader, now }: Facts, kind: Kind, pod: Pod): Promise<Finding> {
  const { deletionTimestamp = '', name, namespace } = pod.metadata;
  const force = {
    text: 'take it off the list (what still runs of it may run on)',
    command: `kubectl delete pod ${name} -n ${namespace} --grace-period=0 --force`,
  };
  const node = await reader.get(nodes, { name: pod.spec?.nodeName ?? '' });
  const isSilent = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True');
  if (isSilent) return { text: `its node ${node?.metadata.name} does not say that it has ended`, fix: force };
  const left = Math.ceil((Date.parse(deletionTimestamp) - now) / 1000);
  if (left > 0) return { text: `its containers have ${left} more seconds to end`, fix: force };
  return { text: `${argumentsOf(referenceTo(kind, pod))} should have ended ${-left} seconds ago`, fix: force };
}

/** What is left in a namespace; what has a finalizer holds it up for sure. */
async function fullNamespace({ reader }: Facts, { metadata, spec }: Namespace): Promise<Finding> {
  const found: { readonly kind: Kind; readonly object: KubernetesObject }[] = [];
  for (const kind of reader.kinds().filter((one) => one.namespaced && one.resource !== 'events'))
    for (const object of await reader.list(kind, metadata.name)) found.push({ kind, object });
  const counts = [...Map.groupBy(found, ({ kind }) => kind.resource)].map(([resource, list]) => `${list.length} ${resource}`);
  const held = found.find(({ object }) => object.metadata.finalizers?.length) ?? found[0];
  if (held) return { text: `it is not empty: ${counts.join(', ')}`, next: referenceTo(held.kind, held.object) };
  const foreign = spec?.finalizers?.find((one) => one !== 'kubernetes');
  if (!foreign) return { text: 'it is empty and goes shortly' };
  const command = `kubectl get namespace ${metadata.name} -o json | sed 's/"${foreign.replaceAll('/', '\\/')}"//' | kubectl replace --raw /api/v1/namespaces/${metadata.name}/finalize -f -`;
  return {
    text: `finalizer ${foreign} in its spec: whoever put it there has not taken it off`,
    fix: { text: 'take it off in their stead', command },
  };
}

async function dependentOf({ reader }: Facts, owner: KubernetesObject): Promise<ReturnType<typeof referenceTo> | undefined> {
  for (const kind of reader.kinds()) {
    const dependents = await reader.list(kind, kind.namespaced ? owner.metadata.namespace : undefined);
    const holding = dependents.find(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid));
    if (holding) return referenceTo(kind, holding);
  }
  return undefined;
}
