import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Node, Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/** A missing node may be one that is registering anew: its pods wait this long (upstream's quarantineTime). */
const quarantineMs = 40_000;

/** Removes the pods of nodes that no longer exist: no kubelet will ever do it. Keys are node names. */
export function podGarbageController(): Reconciler {
  const missingSince = new Map<string, number>();
  return {
    name: 'pod-garbage-collector',
    triggers: [
      { kind: nodes, keysOf: ownKey },
      { kind: pods, keysOf: (pod) => nodeNameOf(pod).map((name) => ({ name })) },
    ],
    async reconcile({ client, now }, { name }) {
      const node = await getIfExists(client, nodes, { name });
      if (node && !isOutOfService(node)) {
        missingSince.delete(name);
        return undefined;
      }
      const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
      if (items.length === 0) {
        missingSince.delete(name);
        return undefined;
      }
      const since = missingSince.get(name) ?? now();
      missingSince.set(name, since);
      // Of a node out of service only what is being deleted goes, which is at once.
      const isDue = !node && now() - since >= quarantineMs;
      for (const { metadata } of items.filter((pod) => isDue || pod.metadata.deletionTimestamp)) {
        const key = { namespace: metadata.namespace, name: metadata.name ?? '' };
        await client.delete(pods, key, { gracePeriodSeconds: 0, uid: metadata.uid }).catch((error: unknown) => {
          if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
        });
      }
      return isDue || node ? undefined : { requeueAfterMs: quarantineMs - (now() - since) };
    },
  };
}

function nodeNameOf(pod: Pod): readonly string[] {
  return pod.spec?.nodeName ? [pod.spec.nodeName] : [];
}

/** An administrator's word that a silent node is off for good. */
function isOutOfService({ spec, status }: Node): boolean {
  const isReady = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  return !isReady && spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service') === true;
}
