import { pods, replicaSets, replicationControllers, type Kind } from '../../../api/kubernetes/kinds.ts';
import type { ReplicaSet, ReplicationController } from '../../../api/kubernetes/types.generated.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { controllerOf, isActive, isReady } from '../pod-facts.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { createPods, deletePods, type Failure } from '../slow-start.ts';
import { planReplicaSet, type ReplicaSetPlan, replicaSetStatus } from './plan.ts';

export const replicaSetController = replicaController('replicaset-controller', replicaSets, (set) => set);

/** The same rules; only the selector is written differently. */
export const replicationController = replicaController('replication-controller', replicationControllers, asReplicaSet);

function asReplicaSet(controller: ReplicationController): ReplicaSet {
  const { spec } = controller;
  return { ...controller, spec: { ...spec, selector: { matchLabels: spec?.selector ?? {} } } };
}

function replicaController<T extends ReplicaSet | ReplicationController>(
  name: string,
  kind: Kind<T>,
  asSet: (object: T) => ReplicaSet,
): Reconciler {
  return {
    name,
    triggers: [
      { kind: kind as Kind, keysOf: ownKey },
      { kind: pods, keysOf: controllerKey(kind.kind) },
    ],
    async reconcile(context, key) {
      const { client } = context;
      const found = await getIfExists(client, kind, key);
      if (!found?.spec) return undefined;
      const set = asSet(found);
      const owned = await claimOwned(client, set, pods, set.spec?.selector);
      const failure = await act(context, set, planReplicaSet(set, owned));
      const { items } = await client.list(pods, { namespace: key.namespace, controlledBy: set.metadata.uid });
      const after = items.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
      const fresh = await getIfExists(client, kind, key);
      if (!fresh) return undefined;
      const status = replicaSetStatus(asSet(fresh), after, context.now(), failure);
      if (!isEqual(status, fresh.status)) await client.update(kind, { ...fresh, status }, 'status');
      if (failure) throw new Error(failure.message);
      return soonAvailable(asSet(fresh), after.filter((pod) => isActive(pod) && isReady(pod)).length, status.availableReplicas ?? 0);
    },
  };
}

async function act(context: Context, set: ReplicaSet, plan: ReplicaSetPlan): Promise<Failure | undefined> {
  const failure = await createPods(context, set, plan.create);
  if (!failure) await deletePods(context, set, plan.remove);
  return failure;
}

/** Ready pods that are not available yet become so by the passing of minReadySeconds alone. */
function soonAvailable(set: ReplicaSet, ready: number, available: number): { requeueAfterMs: number } | undefined {
  return ready > available ? { requeueAfterMs: (set.spec?.minReadySeconds ?? 0) * 1000 } : undefined;
}
