import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import { tolerates } from '../../../api/kubernetes/node-selection.ts';
import type { Pod, Taint } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client, ObjectKey } from '../../client/client.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/**
 * Pure. When taints with NoExecute drive the pod from its node, in ms since the epoch; undefined: never. A toleration with
 * seconds counts from the taint's `timeAdded`; of several that apply the shortest counts.
 */
export function evictionTime(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  const hard = taints.filter(({ effect }) => effect === 'NoExecute');
  const times: number[] = [];
  for (const taint of hard) {
    const used = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (used.length === 0) return now;
    const seconds = used.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    if (seconds.length > 0) times.push((Date.parse(taint.timeAdded ?? '') || now) + Math.max(0, Math.min(...seconds)) * 1000);
  }
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** Deletes pods that do not tolerate their node's NoExecute taints, or no longer. `podsOn`: keys of a node's pods. */
export function taintEvictionController(podsOn: (nodeName: string) => readonly ObjectKey[]): Reconciler {
  return {
    name: 'taint-eviction-controller',
    triggers: [
      { kind: pods, keysOf: ownKey },
      { kind: nodes, keysOf: ({ metadata }) => podsOn(metadata.name ?? '') },
    ],
    async reconcile({ client, now, record }, key) {
      const pod = await getIfExists(client, pods, key);
      if (!pod?.spec?.nodeName || pod.metadata.deletionTimestamp) return undefined;
      const node = await getIfExists(client, nodes, { name: pod.spec.nodeName });
      const at = evictionTime(pod, node?.spec?.taints ?? [], now());
      if (at === undefined) return undefined;
      if (at > now()) return { requeueAfterMs: at - now() };
      record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key.namespace}/${key.name}`);
      await sendAway(client, pod, new Date(now()).toISOString().replace(/\.\d+/, ''));
      return undefined;
    },
  };
}

async function sendAway(client: Client, pod: Pod, lastTransitionTime: string): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata;
  const message = 'Taint manager: deleting due to NoExecute taint';
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message, lastTransitionTime };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
  const status = { ...pod.status, conditions: [...others, condition] };
  try {
    await client.update(pods, { ...pod, status }, 'status');
    await client.delete(pods, { namespace, name }, { uid });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
  }
}
