import { pods, replicaSets } from '../../../api/kubernetes/kinds.ts';
import type { ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { isActive, isReady } from '../pod-facts.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { planReplicaSet, type ReplicaSetPlan, replicaSetStatus } from './plan.ts';

export const replicaSetController: Reconciler = {
  name: 'replicaset-controller',
  triggers: [
    { kind: replicaSets, keysOf: ownKey },
    { kind: pods, keysOf: controllerKey('ReplicaSet') },
  ],
  async reconcile(context, key) {
    const { client } = context;
    const replicaSet = await getIfExists(client, replicaSets, key);
    if (!replicaSet?.spec) return undefined;
    const owned = await claimOwned(client, replicaSet, pods, replicaSet.spec.selector);
    const failure = await act(context, replicaSet, planReplicaSet(replicaSet, owned));
    const { items } = await client.list(pods, { namespace: key.namespace });
    const after = items.filter((pod) =>
      pod.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === replicaSet.metadata.uid),
    );
    const fresh = await getIfExists(client, replicaSets, key);
    if (!fresh) return undefined;
    const status = replicaSetStatus(fresh, after, context.now(), failure);
    if (!isEqual(status, fresh.status)) await client.update(replicaSets, { ...fresh, status }, 'status');
    if (failure) throw new Error(failure.message);
    return soonAvailable(fresh, after.filter((pod) => isActive(pod) && isReady(pod)).length, status.availableReplicas ?? 0);
  },
};

async function act(
  context: Context,
  replicaSet: ReplicaSet,
  plan: ReplicaSetPlan,
): Promise<{ reason: string; message: string } | undefined> {
  const { client, record } = context;
  try {
    for (const batch of doublingBatches(plan.create)) {
      const made = await Promise.all(batch.map((pod) => client.create(pods, pod)));
      for (const { metadata } of made) record(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`);
    }
  } catch (error) {
    if (isKind(error, 'conflict') || isKind(error, 'notFound')) throw error;
    record(replicaSet, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
    return { reason: 'FailedCreate', message: messageOf(error) };
  }
  for (const name of plan.remove) {
    await client.delete(pods, { namespace: replicaSet.metadata.namespace, name }).catch((error: unknown) => {
      if (!isKind(error, 'notFound')) throw error;
    });
    record(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  }
  return undefined;
}

/** 1, 2, 4, … at a time: a template that the API refuses costs one request, not five hundred. */
function doublingBatches<T>(items: readonly T[]): readonly (readonly T[])[] {
  const batches: (readonly T[])[] = [];
  for (let [start, size] = [0, 1]; start < items.length; start += size, size *= 2) batches.push(items.slice(start, start + size));
  return batches;
}

/** Ready pods that are not available yet become so by the passing of minReadySeconds alone. */
function soonAvailable(replicaSet: ReplicaSet, ready: number, available: number): { requeueAfterMs: number } | undefined {
  return ready > available ? { requeueAfterMs: (replicaSet.spec?.minReadySeconds ?? 0) * 1000 } : undefined;
}
