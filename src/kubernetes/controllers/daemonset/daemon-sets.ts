import { daemonSets, nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { ObjectKey } from '../../client/client.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { controllerOf, isActive, isReady } from '../pod-facts.ts';
import { controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { hashLabel, removeRevision, revisionLabel, revisionsOf, surplusRevisions } from '../revisions.ts';
import { createPods, deletePods } from '../slow-start.ts';
import { daemonSetStatus, planDaemonSet } from './plan.ts';

/** One pod on each node that the set fits. `everySet`: the keys that a change of a node concerns. */
export function daemonSetController(everySet: () => readonly ObjectKey[]): Reconciler {
  return {
    name: 'daemonset-controller',
    triggers: [
      { kind: daemonSets, keysOf: ownKey },
      { kind: pods, keysOf: controllerKey('DaemonSet') },
      { kind: nodes, keysOf: everySet },
    ],
    async reconcile(context, key) {
      const { client, now } = context;
      const set = await getIfExists(client, daemonSets, key);
      if (!set?.spec) return undefined;
      const owned = await claimOwned(client, set, pods, set.spec.selector);
      if (set.metadata.deletionTimestamp) return undefined;
      const revisions = await revisionsOf(client, set);
      const hash = revisions.update.metadata.labels?.[hashLabel] ?? '';
      const { items: all } = await client.list(nodes);
      const plan = planDaemonSet(set, all, owned, hash, now());
      const failure = await createPods(context, set, plan.create);
      await deletePods(context, set, plan.remove);
      const { items } = await client.list(pods, { namespace: key.namespace, controlledBy: set.metadata.uid });
      const after = items.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
      const status = daemonSetStatus(set, all, after, hash, now());
      if (!isEqual(status, set.status)) await client.update(daemonSets, { ...set, status }, 'status');
      const inUse = new Set([revisions.update.metadata.name, ...after.map((pod) => `${key.name}-${pod.metadata.labels?.[revisionLabel]}`)]);
      for (const revision of surplusRevisions(set, revisions.history, inUse)) await removeRevision(client, revision);
      if (failure) throw new Error(failure.message);
      const ready = after.filter((pod) => isActive(pod) && isReady(pod)).length;
      return ready > (status.numberAvailable ?? 0) ? { requeueAfterMs: (set.spec.minReadySeconds ?? 0) * 1000 } : undefined;
    },
  };
}
