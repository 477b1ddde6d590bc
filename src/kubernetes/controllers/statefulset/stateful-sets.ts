import { persistentVolumeClaims, pods, statefulSets } from '../../../api/kubernetes/kinds.ts';
import type { Pod, StatefulSet } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { isActive, isReady } from '../pod-facts.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { removeRevision, revisionLabel, revisionsOf, surplusRevisions } from '../revisions.ts';
import { retainedClaims } from './retention.ts';
import { ordinalOf, planStatefulSet, type StatefulSetPlan, statefulSetStatus } from './plan.ts';

export const statefulSetController: Reconciler = {
  name: 'statefulset-controller',
  triggers: [
    { kind: statefulSets, keysOf: ownKey },
    { kind: pods, keysOf: controllerKey('StatefulSet') },
  ],
  async reconcile(context, key) {
    const { client, now } = context;
    const set = await getIfExists(client, statefulSets, key);
    if (!set?.spec) return undefined;
    const owned = membersOf(set, await claimOwned(client, set, pods, set.spec.selector));
    const revisions = await revisionsOf(client, set);
    const { items: claims } = await client.list(persistentVolumeClaims, { namespace: key.namespace });
    if (!set.metadata.deletionTimestamp) {
      for (const claim of retainedClaims(set, claims, owned)) await client.update(persistentVolumeClaims, claim);
    }
    const names = new Set(claims.map((claim) => claim.metadata.name ?? ''));
    await act(context, set, planStatefulSet(set, owned, names, revisions, now()));
    const { items } = await client.list(pods, { namespace: key.namespace });
    const after = items.filter((pod) =>
      pod.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === set.metadata.uid),
    );
    const status = statefulSetStatus(set, after, revisions, now());
    if (!isEqual(status, set.status)) await client.update(statefulSets, { ...set, status }, 'status');
    const inUse = new Set([status.currentRevision, status.updateRevision, ...after.map((pod) => pod.metadata.labels?.[revisionLabel])]);
    for (const revision of surplusRevisions(set, revisions.history, inUse)) await removeRevision(client, revision);
    const ready = after.filter((pod) => isActive(pod) && isReady(pod)).length;
    return ready > (status.availableReplicas ?? 0) ? { requeueAfterMs: (set.spec.minReadySeconds ?? 0) * 1000 } : undefined;
  },
};

/** A pod of another name may carry the labels; it is none of the set's. */
function membersOf(set: StatefulSet, owned: readonly Pod[]): readonly Pod[] {
  return owned.filter((pod) => ordinalOf(set, pod) >= 0);
}

async function act({ client, record }: Context, set: StatefulSet, plan: StatefulSetPlan): Promise<void> {
  for (const claim of plan.claims) {
    const name = claim.metadata.name;
    const pod = `Pod ${name?.slice(name.indexOf(`${set.metadata.name}-`))} in StatefulSet ${set.metadata.name}`;
    await client.create(persistentVolumeClaims, claim).catch(ignoring('alreadyExists'));
    record(set, 'Normal', 'SuccessfulCreate', `create Claim ${name} ${pod} success`);
  }
  for (const pod of plan.create) {
    const what = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      await client.create(pods, pod);
      record(set, 'Normal', 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      if (!isKind(error, 'alreadyExists')) record(set, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }
  for (const name of plan.remove) {
    await client.delete(pods, { namespace: set.metadata.namespace, name }).catch(ignoring('notFound'));
    record(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`);
  }
}

function ignoring(kind: 'alreadyExists' | 'notFound'): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, kind)) throw error;
  };
}
