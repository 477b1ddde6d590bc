import { leases, nodes } from '../../../api/kubernetes/kinds.ts';
import type { Node, NodeCondition, Taint } from '../../../api/kubernetes/types.generated.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

const leaseNamespace = 'kube-node-lease';
/** A node that has not renewed its lease for this long is Unknown (upstream's --node-monitor-grace-period). */
const graceMs = 50_000;
const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';

interface Heartbeat {
  readonly renewTime: string;
  /** When this process saw it; the node's clock is not trusted. */
  readonly seenAt: number;
}

/** Marks nodes that went silent, and taints nodes by their condition so that nothing is placed there. */
export function nodeLifecycleController(): Reconciler {
  const heartbeats = new Map<string, Heartbeat>();
  return {
    name: 'node-controller',
    triggers: [
      { kind: nodes, keysOf: ownKey },
      {
        kind: leases,
        keysOf: ({ metadata }) => (metadata.namespace === leaseNamespace ? [{ name: metadata.name ?? '' }] : []),
      },
    ],
    async reconcile({ client, now, record }, { name }) {
      const node = await getIfExists(client, nodes, { name });
      if (!node) {
        heartbeats.delete(name);
        return undefined;
      }
      const lease = await getIfExists(client, leases, { namespace: leaseNamespace, name });
      const renewTime = lease?.spec?.renewTime ?? '';
      const known = heartbeats.get(name);
      const heartbeat = known?.renewTime === renewTime ? known : { renewTime, seenAt: now() };
      heartbeats.set(name, heartbeat);
      const silentMs = now() - heartbeat.seenAt;
      const judged = silentMs >= graceMs ? silenced(node, new Date(now()).toISOString().replace(/\.\d+/, '')) : node;
      if (!isEqual(judged.status, node.status)) {
        record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
        await client.update(nodes, judged, 'status');
        return { requeueAfterMs: 0 };
      }
      const taints = taintsOf(node);
      if (!isEqual(taints, node.spec?.taints ?? [])) await client.update(nodes, { ...node, spec: { ...node.spec, taints } });
      return silentMs >= graceMs ? undefined : { requeueAfterMs: graceMs - silentMs };
    },
  };
}

const spoken = new Set(['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']);

function silenced(node: Node, now: string): Node {
  const conditions = (node.status?.conditions ?? []).map((condition): NodeCondition => {
    if (!spoken.has(condition.type) || condition.status === 'Unknown') return condition;
    const message = 'Kubelet stopped posting node status.';
    return { ...condition, status: 'Unknown', reason: 'NodeStatusUnknown', message, lastTransitionTime: now };
  });
  return { ...node, status: { ...node.status, conditions } };
}

/** The node's taints with those that follow from its Ready condition. */
export function taintsOf(node: Node): readonly Taint[] {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  const own = (node.spec?.taints ?? []).filter((taint) => taint.key !== unreachable && taint.key !== notReady);
  if (ready === 'True' || ready === undefined) return own;
  const key = ready === 'Unknown' ? unreachable : notReady;
  const before = (node.spec?.taints ?? []).filter((taint) => taint.key === key);
  const wanted = ['NoSchedule', 'NoExecute'].map((effect) => before.find((taint) => taint.effect === effect) ?? { key, effect });
  return [...own, ...wanted];
}
