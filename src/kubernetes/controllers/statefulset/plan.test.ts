import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerRevision, Pod, StatefulSet, StatefulSetSpec } from '../../../api/kubernetes/types.generated.ts';
import type { Revisions } from '../revisions.ts';
import { planStatefulSet, statefulSetStatus } from './plan.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function statefulSet(replicas: number, change: Partial<StatefulSetSpec> = {}): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace: 'default', name: 'db', uid: 'u1', generation: 2 },
    spec: {
      replicas,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
      volumeClaimTemplates: [
        { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } },
      ],
      ...change,
    },
  };
}

const revision = (name: string): ControllerRevision => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: { name },
  revision: 1,
});
const same: Revisions = { current: revision('db-1'), update: revision('db-1') };
const updating: Revisions = { current: revision('db-1'), update: revision('db-2') };

function pod(
  ordinal: number,
  change: { readonly ready?: boolean; readonly revision?: string; readonly phase?: string; readonly deleted?: boolean } = {},
): Pod {
  const status = change.ready === false ? 'False' : 'True';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'default',
      name: `db-${ordinal}`,
      labels: { 'controller-revision-hash': change.revision ?? 'db-1' },
      ...(change.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    status: { phase: change.phase ?? 'Running', conditions: [{ type: 'Ready', status, lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  };
}

function plan(set: StatefulSet, pods: readonly Pod[], revisions = same): string {
  const { create, remove, claims } = planStatefulSet(set, pods, new Set(), revisions, now);
  return [
    ...claims.map((one) => `claim ${one.metadata.name}`),
    ...create.map((one) => `create ${one.metadata.name}`),
    ...remove.map((one) => `delete ${one}`),
  ].join(', ');
}

test('makes pods one after the other, each with its claim, waiting for Ready', () => {
  assert.equal(plan(statefulSet(3), []), 'claim data-db-0, create db-0');
  assert.equal(plan(statefulSet(3), [pod(0, { ready: false })]), '');
  assert.equal(plan(statefulSet(3), [pod(0)]), 'claim data-db-1, create db-1');
  assert.equal(plan(statefulSet(2), [pod(0), pod(1)]), '');
});

test('Parallel makes them all at once', () => {
  const set = statefulSet(2, { podManagementPolicy: 'Parallel', volumeClaimTemplates: [] });
  assert.equal(plan(set, []), 'create db-0, create db-1');
});

test('pods have a stable name, host name, subdomain and their claim as a volume', () => {
  const [made] = planStatefulSet(statefulSet(1), [], new Set(), same, now).create;
  assert.equal(made?.spec?.hostname, 'db-0');
  assert.equal(made?.spec?.subdomain, 'db');
  assert.deepEqual(made?.spec?.volumes, [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }]);
  assert.equal(made?.metadata.labels?.['statefulset.kubernetes.io/pod-name'], 'db-0');
});

test('scales down from the top, one at a time; a failed pod is deleted to be made anew', () => {
  assert.equal(plan(statefulSet(1), [pod(0), pod(1), pod(2)]), 'delete db-2');
  assert.equal(plan(statefulSet(1), [pod(0), pod(1), pod(2, { deleted: true })]), '');
  assert.equal(plan(statefulSet(2), [pod(0), pod(1, { phase: 'Failed' })]), 'delete db-1');
});

test('updates from the top, waits for health, honours the partition and OnDelete', () => {
  assert.equal(plan(statefulSet(2), [pod(0), pod(1)], updating), 'delete db-1');
  assert.equal(plan(statefulSet(2), [pod(0), pod(1, { revision: 'db-2', ready: false })], updating), '');
  assert.equal(plan(statefulSet(2), [pod(0), pod(1, { revision: 'db-2' })], updating), 'delete db-0');
  const partitioned = statefulSet(2, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } });
  assert.equal(plan(partitioned, [pod(0), pod(1, { revision: 'db-2' })], updating), '');
  assert.equal(plan(statefulSet(2, { updateStrategy: { type: 'OnDelete' } }), [pod(0), pod(1)], updating), '');
});

test('status: the update revision becomes the current one when every pod runs it', () => {
  const half = statefulSetStatus(statefulSet(2), [pod(0), pod(1, { revision: 'db-2' })], updating, now);
  assert.deepEqual([half.currentRevision, half.updateRevision, half.currentReplicas, half.updatedReplicas], ['db-1', 'db-2', 1, 1]);
  const done = statefulSetStatus(statefulSet(2), [pod(0, { revision: 'db-2' }), pod(1, { revision: 'db-2' })], updating, now);
  assert.deepEqual([done.currentRevision, done.currentReplicas, done.readyReplicas], ['db-2', 2, 2]);
});

test('several at a time when that many may be unavailable', () => {
  const set = statefulSet(4, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } } });
  const pods = [pod(0), pod(1), pod(2), pod(3)];
  assert.equal(plan(set, pods, updating), 'delete db-3, delete db-2');
  const next = [pod(0), pod(1), pod(2, { revision: 'db-2' }), pod(3, { revision: 'db-2', deleted: true })];
  assert.equal(
    planStatefulSet(
      { ...set, spec: { ...set.spec, podManagementPolicy: 'Parallel' } as StatefulSetSpec },
      next,
      new Set(),
      updating,
      now,
    ).remove.join(),
    'db-1',
  );
});
