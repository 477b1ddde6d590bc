import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../api/kubernetes/types.generated.ts';
import { controllerReference, isActive, isAvailable, isReady } from '../pod-facts.ts';

export interface ReplicaSetPlan {
  readonly create: readonly Pod[];
  /** Names of pods to delete. */
  readonly remove: readonly string[];
}

/** Pods per reconcile at most, as upstream's burstReplicas. */
const burst = 500;

/** Pure. `pods`: those controlled by the ReplicaSet. */
export function planReplicaSet(replicaSet: ReplicaSet, pods: readonly Pod[]): ReplicaSetPlan {
  if (replicaSet.metadata.deletionTimestamp) return { create: [], remove: [] };
  const active = pods.filter(isActive);
  const difference = (replicaSet.spec?.replicas ?? 1) - active.length;
  if (difference > 0) return { create: Array.from({ length: Math.min(difference, burst) }, () => podFrom(replicaSet)), remove: [] };
  const surplus = active.toSorted(deleteFirst).slice(0, Math.min(-difference, burst));
  return { create: [], remove: surplus.map((pod) => pod.metadata.name ?? '') };
}

function podFrom(replicaSet: ReplicaSet): Pod {
  const template = replicaSet.spec?.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: replicaSet.metadata.namespace,
      generateName: `${replicaSet.metadata.name}-`,
      labels: template?.metadata?.labels,
      annotations: template?.metadata?.annotations,
      finalizers: template?.metadata?.finalizers,
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec: template?.spec,
  };
}

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

/** Which pod goes first: not scheduled, pending, not ready, cheap, ready for a shorter time, restarted more often, younger. */
function deleteFirst(a: Pod, b: Pod): number {
  const ranks = (pod: Pod): readonly number[] => [
    pod.spec?.nodeName ? 1 : 0,
    { Pending: 0, Unknown: 1, Running: 2 }[pod.status?.phase ?? 'Pending'] ?? 0,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.[deletionCost] ?? 0),
    -readySince(pod),
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount)),
    -Date.parse(pod.metadata.creationTimestamp ?? ''),
  ];
  const [left, right] = [ranks(a), ranks(b)];
  const index = left.findIndex((rank, at) => rank !== right[at]);
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

function readySince(pod: Pod): number {
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True');
  return ready ? Date.parse(ready.lastTransitionTime ?? '') : 0;
}

/** `now` in ms since the epoch; `failure`: why pods could not be created or deleted in this round. */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  now: number,
  failure?: { readonly reason: string; readonly message: string },
): ReplicaSetStatus {
  const active = pods.filter(isActive);
  const wanted = replicaSet.spec?.template?.metadata?.labels ?? {};
  const isLabeled = (pod: Pod): boolean => Object.entries(wanted).every(([key, value]) => pod.metadata.labels?.[key] === value);
  const counts = {
    fullyLabeledReplicas: active.filter(isLabeled).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, replicaSet.spec?.minReadySeconds ?? 0, now)).length,
  };
  const known = replicaSet.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  const condition: ReplicaSetCondition | undefined = failure && { type: 'ReplicaFailure', status: 'True', ...failure };
  const isSame = known && condition && known.reason === condition.reason;
  const conditions = condition
    ? [isSame ? known : { ...condition, lastTransitionTime: new Date(now).toISOString().replace(/\.\d+/, '') }]
    : undefined;
  const set = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  return { replicas: active.length, ...set, observedGeneration: replicaSet.metadata.generation, ...(conditions ? { conditions } : {}) };
}
