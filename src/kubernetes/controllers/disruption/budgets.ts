import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
  type Kind,
  type KubernetesObject,
} from '../../../api/kubernetes/kinds.ts';
import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type { OwnerReference, Pod, PodDisruptionBudget } from '../../../api/kubernetes/types.generated.ts';
import type { Client, ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { controllerOf } from '../pod-facts.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';
import { budgetStatus } from './plan.ts';

type Scaled = KubernetesObject & { readonly spec?: { readonly replicas?: number } };
const scaled = [deployments, replicaSets, replicationControllers, statefulSets] as unknown as readonly Kind<Scaled>[];

/** Says how many pods of each budget may be disrupted now. `budgetsOf`: the budgets that select a pod. */
export function disruptionController(budgetsOf: (pod: Pod) => readonly ObjectKey[]): Reconciler {
  return {
    name: 'disruption-controller',
    triggers: [
      { kind: podDisruptionBudgets, keysOf: ownKey },
      { kind: pods, keysOf: (pod) => budgetsOf(pod as Pod) },
    ],
    async reconcile({ client, now }, key) {
      const budget = await getIfExists(client, podDisruptionBudgets, key);
      if (!budget || budget.metadata.deletionTimestamp) return undefined;
      const { items } = await client.list(pods, { namespace: key.namespace });
      const selected = items.filter((pod) => selects(budget, pod));
      const { status, againAfterMs } = budgetStatus(budget, selected, await scaleOf(client, selected), now());
      if (!isEqual(status, budget.status)) await client.update(podDisruptionBudgets, { ...budget, status }, 'status');
      return againAfterMs === undefined ? undefined : { requeueAfterMs: againAfterMs };
    },
  };
}

export function selects({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  if (metadata.namespace !== pod.metadata.namespace || spec?.selector === undefined) return false;
  return matchesLabels(spec.selector, pod.metadata.labels ?? {});
}

/** Sum over the distinct controllers; undefined when a pod has none that can be scaled. */
async function scaleOf(client: Client, selected: readonly Pod[]): Promise<number | undefined> {
  const owners = new Map<string, OwnerReference>();
  for (const pod of selected) {
    const owner = controllerOf(pod);
    if (!owner) return undefined;
    owners.set(owner.uid, owner);
  }
  let sum = 0;
  for (const owner of owners.values()) {
    const replicas = await replicasOf(client, owner, selected[0]?.metadata.namespace);
    if (replicas === undefined) return undefined;
    sum += replicas;
  }
  return sum;
}

/** A ReplicaSet in the middle of a rollout does not say how many pods there should be; its Deployment does. */
async function replicasOf(client: Client, { kind, name, uid }: OwnerReference, namespace: string | undefined): Promise<number | undefined> {
  const found = scaled.find((one) => one.kind === kind);
  const object = found && (await getIfExists(client, found, { namespace, name }));
  if (!object || object.metadata.uid !== uid) return undefined;
  const above = controllerOf(object);
  if (above?.kind === 'Deployment') return replicasOf(client, above, namespace);
  return object.spec?.replicas ?? 1;
}
