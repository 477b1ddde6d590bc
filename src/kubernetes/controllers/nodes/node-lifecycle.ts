import { leases, nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Node, NodeCondition, Taint } from '../../../api/kubernetes/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';
import { Silence } from './silence.ts';

const leaseNamespace = 'kube-node-lease';
/** A node that has not renewed its lease for this long is Unknown (upstream's --node-monitor-grace-period). */
const graceMs = 50_000;
const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';

/** Marks nodes that went silent, and taints nodes by their condition so that nothing is placed there. */
export function nodeLifecycleController(): Reconciler {
  const silence = new Silence(graceMs);
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
        silence.forget(name);
        return undefined;
      }
      const lease = await getIfExists(client, leases, { namespace: leaseNamespace, name });
      const silentMs = silence.of(name, lease?.spec?.renewTime ?? '', now());
      const judged = silentMs >= graceMs ? silenced(node, new Date(now()).toISOString().replace(/\.\d+/, '')) : node;
      if (!isEqual(judged.status, node.status)) {
        record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
        await client.update(nodes, judged, 'status');
        return { requeueAfterMs: 0 };
      }
      const time = new Date(now()).toISOString().replace(/\.\d+/, '');
      if (silentMs >= graceMs) await markPodsNotReady(client, name, time);
      const taints = taintsOf(node, time);
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

/** Conditions that keep new pods away as long as they hold. */
const pressures: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const cordon = 'node.kubernetes.io/unschedulable';
const ours = new Set([unreachable, notReady, cordon, ...Object.values(pressures)]);

/** The node's taints with those that follow from its conditions and its cordon. `now`: when new ones are added, RFC 3339. */
export function taintsOf(node: Node, now: string): readonly Taint[] {
  const before = node.spec?.taints ?? [];
  const kept = (key: string, effect: string): Taint => {
    const known = before.find((taint) => taint.key === key && taint.effect === effect);
    // Only what drives pods away is counted from a moment on.
    return known ?? { key, effect, ...(effect === 'NoExecute' && { timeAdded: now }) };
  };
  const conditions = node.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status;
  const state = ready === 'True' || ready === undefined ? [] : ready === 'Unknown' ? [unreachable] : [notReady];
  const pressed = conditions.flatMap(({ type, status }) => (status === 'True' && pressures[type] ? [pressures[type]] : []));
  const wanted = [
    ...state.flatMap((key) => [kept(key, 'NoSchedule'), kept(key, 'NoExecute')]),
    ...pressed.map((key) => kept(key, 'NoSchedule')),
    ...(node.spec?.unschedulable ? [kept(cordon, 'NoSchedule')] : []),
  ];
  return [...before.filter(({ key }) => !ours.has(key)), ...wanted];
}

/** Pods of a silent node serve nobody, although nobody there can say so. */
async function markPodsNotReady(client: Client, nodeName: string, now: string): Promise<void> {
  const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${nodeName}` });
  for (const pod of items) {
    const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') continue;
    const conditions = pod.status?.conditions?.map((one) =>
      one.type === 'Ready' ? { ...one, status: 'False', reason: 'NodeNotReady', lastTransitionTime: now } : one,
    );
    await client.update(pods, { ...pod, status: { ...pod.status, conditions } }, 'status');
  }
}
