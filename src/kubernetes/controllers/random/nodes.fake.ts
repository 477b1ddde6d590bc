import { leases, nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Node, Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { objectKey } from '../../client/acts.ts';
import type { Client } from '../../client/client.ts';
import { informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { ignoring } from './ignoring.fake.ts';

const leaseNamespace = 'kube-node-lease';

/** Every node there is: runs the pods that are bound to it, ends those of Jobs well, and lets go of what is deleted. */
export function simulatedNodes(client: Client): AsyncDisposable {
  let count = 0;
  let work = Promise.resolve();
  const watched = informer(client, pods);
  watched.onChange(({ object, type }) => {
    if (type === 'deleted' || !object.spec?.nodeName) return;
    const next = nextStatus(object, () => ++count);
    if (!object.metadata.deletionTimestamp && !next) return;
    work = work.then(() => act(client, object, next)).catch(ignoring('notFound', 'conflict', 'invalid'));
  });
  return {
    async [Symbol.asyncDispose]() {
      await watched[Symbol.asyncDispose]();
      await work;
    },
  };
}

async function act(client: Client, pod: Pod, status: Pod['status'] | undefined): Promise<void> {
  const key = objectKey(keyOf(pod));
  if (pod.metadata.deletionTimestamp) await client.delete(pods, key, { gracePeriodSeconds: 0, uid: pod.metadata.uid });
  else await client.patch(pods, key, { type: 'merge', body: { metadata: { uid: pod.metadata.uid }, status } }, 'status');
}

/** Pending, then running and ready; a Job's pod then ends well. Undefined: it stays as it is. */
function nextStatus(pod: Pod, next: () => number): Pod['status'] | undefined {
  const { phase, conditions = [] } = pod.status ?? {};
  const others = conditions.filter(({ type }) => type !== 'Ready');
  if (phase === 'Pending' || phase === undefined) {
    const number = next();
    const podIP = `10.244.${number >> 8}.${number & 255}`;
    const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
    return { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [...others, ready] };
  }
  if (phase !== 'Running' || pod.spec?.restartPolicy !== 'Never') return undefined;
  const ended = { type: 'Ready', status: 'False', reason: 'PodCompleted', lastTransitionTime: '2026-01-01T00:00:00Z' };
  return { phase: 'Succeeded', conditions: [...others, ended] };
}

export async function addNode(client: Client, name: string): Promise<void> {
  const status: Node['status'] = {
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } } };
  const made = await client.create(nodes, node);
  await client.update(nodes, { ...made, status }, 'status');
  await renewLease(client, name);
}

/** A node that does not say that it lives is given up after a while. */
export async function renewLease(client: Client, name: string): Promise<void> {
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: `${new Date().toISOString().replace('Z', '')}000Z` };
  const key = { namespace: leaseNamespace, name };
  try {
    await client.patch(leases, key, { type: 'merge', body: { spec } });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key, spec });
  }
}
