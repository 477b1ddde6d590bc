import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leases, nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Pod, Toleration } from '../../../api/kubernetes/types.generated.ts';
import { FakeClient } from '../../client/client.fake.ts';
import type { Context } from '../reconciler.ts';
import { nodeLifecycleController, taintsOf } from './node-lifecycle.ts';
import { evictionTime, taintEvictionController } from './taint-eviction.ts';
import { podGarbageController } from './pod-gc.ts';

async function world(): Promise<{ readonly client: FakeClient; readonly context: Context; pass(ms: number): void; beat(): Promise<void> }> {
  const client = new FakeClient();
  let time = Date.parse('2026-01-01T00:00:00Z');
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' }, spec: {}, status });
  const metadata = { namespace: 'kube-node-lease', name: 'a' };
  await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { renewTime: '0' } });
  return {
    client,
    context: { client, record: () => undefined, now: () => time },
    pass: (ms) => (time += ms),
    beat: async () => void (await client.patch(leases, metadata, { type: 'merge', body: { spec: { renewTime: String(time) } } })),
  };
}

test('a node that stops renewing its lease becomes Unknown and is tainted; when it speaks again the taint goes', async () => {
  const { client, context, pass, beat } = await world();
  const { reconcile } = nodeLifecycleController();
  const look = (): ReturnType<typeof reconcile> => reconcile(context, { name: 'a' });
  assert.deepEqual(await look(), { requeueAfterMs: 50_000 });
  pass(30_000);
  await beat();
  assert.deepEqual(await look(), { requeueAfterMs: 50_000 });
  pass(50_000);
  await look();
  await look();
  const silent = await client.get(nodes, { name: 'a' });
  assert.deepEqual([silent.status?.conditions?.[0]?.status, silent.status?.conditions?.[0]?.reason], ['Unknown', 'NodeStatusUnknown']);
  assert.deepEqual(
    silent.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`),
    ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
  );
  await beat();
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  await client.update(nodes, { ...silent, metadata: { name: 'a' }, status }, 'status');
  await look();
  assert.deepEqual((await client.get(nodes, { name: 'a' })).spec?.taints, []);
  const before = client.writes;
  await look();
  assert.equal(client.writes, before);
});

test('pods of a node that is gone are removed after a while, ending ones at once', async () => {
  const { client, context, pass } = await world();
  const { reconcile } = podGarbageController();
  const pod = (name: string, nodeName: string): Promise<unknown> =>
    client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name }, spec: { nodeName, containers: [] } });
  await pod('stays', 'a');
  await pod('orphan', 'gone');
  await pod('ending', 'gone');
  await client.delete(pods, { namespace: 'default', name: 'ending' });
  const left = async (): Promise<unknown> => (await client.list(pods)).items.map(({ metadata }) => metadata.name);
  assert.equal(await reconcile(context, { name: 'a' }), undefined);
  assert.deepEqual(await reconcile(context, { name: 'gone' }), { requeueAfterMs: 40_000 });
  assert.deepEqual(await left(), ['orphan', 'stays']);
  pass(40_000);
  assert.equal(await reconcile(context, { name: 'gone' }), undefined);
  assert.deepEqual(await left(), ['stays']);
});

test('pods leave a node that is tainted NoExecute when their toleration ends, counted from the taint', () => {
  const at = Date.parse('2026-01-01T00:00:00Z');
  const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }];
  const pod = (tolerations: readonly Toleration[]): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { containers: [], tolerations },
  });
  const until = (tolerationSeconds?: number): Toleration => ({ operator: 'Exists', effect: 'NoExecute', tolerationSeconds });
  const when = (...tolerations: readonly Toleration[]): number | undefined => evictionTime(pod(tolerations), taints, at + 5000);
  assert.deepEqual(
    [when(), when(until()), when(until(300)), when(until(300), until(30))],
    [at + 5000, undefined, at + 300_000, at + 30_000],
  );
  assert.equal(evictionTime(pod([]), [{ key: 'x', effect: 'NoSchedule' }], at), undefined);
});

test('a pod is sent away once, and says why', async () => {
  const { client, context, pass } = await world();
  const spec = { nodeName: 'a', containers: [], tolerations: [{ operator: 'Exists', tolerationSeconds: 60 }] };
  await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'p' }, spec });
  const taints = [{ key: 'x', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }];
  await client.patch(nodes, { name: 'a' }, { type: 'merge', body: { spec: { taints } } });
  const { reconcile } = taintEvictionController(() => []);
  const key = { namespace: 'default', name: 'p' };
  assert.deepEqual(await reconcile(context, key), { requeueAfterMs: 60_000 });
  pass(60_000);
  await reconcile(context, key);
  const gone = await client.get(pods, key);
  assert(gone.metadata.deletionTimestamp);
  assert.equal(gone.status?.conditions?.[0]?.reason, 'DeletionByTaintManager');
  const before = client.writes;
  await reconcile(context, key);
  assert.equal(client.writes, before);
});

test('cordons and pressure are taints as long as they hold', () => {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } };
  const pressed = { ...node, spec: { unschedulable: true }, status: { conditions: [{ type: 'DiskPressure', status: 'True' }] } };
  const keys = taintsOf(pressed, 'now').map(({ key, effect }) => `${key} ${effect}`);
  assert.deepEqual(keys, ['node.kubernetes.io/disk-pressure NoSchedule', 'node.kubernetes.io/unschedulable NoSchedule']);
  assert.deepEqual(taintsOf({ ...node, spec: { taints: taintsOf(pressed, 'now') } }, 'later'), []);
});
