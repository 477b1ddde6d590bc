import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { age } from './age.ts';
import { columnsOf } from './columns.ts';
import { tableOf } from './table.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const row = (object: KubernetesObject): string =>
  columnsOf(object.kind)
    .filter((column) => !column.wide)
    .map((column) => column.cell(object, now))
    .join(' ');

function pod(status: Pod['status'], change: Partial<Pod> = {}): Pod {
  const metadata = { name: 'web-1', creationTimestamp: '2026-01-01T23:59:00Z' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c' }] }, status, ...change };
}

const container = { name: 'c', image: 'x', imageID: '', ready: false, restartCount: 0 };

test('pod status as kubectl prints it', () => {
  const running = { ...container, ready: true, state: { running: {} } };
  assert.equal(row(pod({ phase: 'Running', containerStatuses: [running] })), 'web-1 1/1 Running 0 60s');
  assert.equal(row(pod({ phase: 'Pending' })), 'web-1 0/1 Pending 0 60s');
  const crashed = {
    ...container,
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:59:50Z' } },
  };
  assert.equal(row(pod({ phase: 'Running', containerStatuses: [crashed] })), 'web-1 0/1 CrashLoopBackOff 3 (10s ago) 60s');
  const done = { ...container, state: { terminated: { exitCode: 0, reason: 'Completed' } } };
  assert.equal(row(pod({ phase: 'Succeeded', containerStatuses: [done] })), 'web-1 0/1 Completed 0 60s');
  const dying = pod({ phase: 'Running', containerStatuses: [running] });
  assert.match(row({ ...dying, metadata: { ...dying.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' } }), /Terminating/);
});

test('init containers show their progress', () => {
  const spec = { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }, { name: 'j' }] };
  const init = (state: object): Pod => pod({ phase: 'Pending', initContainerStatuses: [{ ...container, name: 'i', state }] }, { spec });
  assert.match(row(init({ running: {} })), /Init:0\/2/);
  assert.match(row(init({ waiting: { reason: 'CrashLoopBackOff' } })), /Init:CrashLoopBackOff/);
  assert.match(row(init({ terminated: { exitCode: 1, reason: 'Error' } })), /Init:Error/);
});

test('services, nodes, claims', () => {
  const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { type: 'NodePort', clusterIP: '10.96.0.7', ports: [{ port: 80, nodePort: 31000, protocol: 'TCP' }] },
  };
  assert.equal(row(service), 'x NodePort 10.96.0.7 <none> 80:31000/TCP 24h');
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata,
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.35.0' } },
  };
  assert.equal(row(node), 'x Ready,SchedulingDisabled <none> 24h v1.35.0');
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { volumeName: 'pv', storageClassName: 's' },
    status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
  };
  assert.equal(row(claim), 'x Bound pv 1Gi RWO s <unset> 24h');
});

test('ages', () => {
  const ago = (seconds: number): string => age(new Date(now - seconds * 1000).toISOString(), now);
  assert.deepEqual([5, 119, 130, 600, 3 * 3600, 5.5 * 3600, 30 * 3600, 3 * 86_400, 9 * 86_400, 800 * 86_400].map(ago), [
    '5s',
    '119s',
    '2m10s',
    '10m',
    '3h',
    '5h30m',
    '30h',
    '3d',
    '9d',
    '2y70d',
  ]);
  assert.equal(age(undefined, now), '<unknown>');
});

test('rows carry metadata unless asked otherwise', () => {
  const table = tableOf(
    columnsOf('Pod'),
    [pod({ phase: 'Running' })],
    { resourceVersion: '5' },
    { includeObject: 'Metadata', withColumns: true, now },
  ) as {
    readonly rows: readonly { readonly object: { readonly kind: string } }[];
    readonly columnDefinitions: readonly object[];
  };
  assert.equal(table.rows[0]?.object.kind, 'PartialObjectMetadata');
  assert.deepEqual(table.columnDefinitions[0], { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 });
});
