import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { planReplicaSet, replicaSetStatus } from './plan.ts';

const set = (replicas: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { namespace: 'default', name: 'web', uid: 'u1', generation: 3 },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
  },
});

function pod(
  name: string,
  change: { readonly node?: string; readonly phase?: string; readonly readySince?: string; readonly deleted?: boolean } = {},
): Pod {
  const conditions = change.readySince ? [{ type: 'Ready', status: 'True', lastTransitionTime: change.readySince }] : [];
  const deletion = change.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, labels: { app: 'web' }, creationTimestamp: '2026-01-01T00:00:00Z', ...deletion },
    spec: { containers: [], nodeName: change.node ?? 'n1' },
    status: { phase: change.phase ?? 'Running', conditions },
  };
}

test('makes what is missing, owned and labelled', () => {
  const { create, remove } = planReplicaSet(set(2), [pod('a')]);
  assert.equal(create.length, 1);
  assert.deepEqual(remove, []);
  assert.equal(create[0]?.metadata.generateName, 'web-');
  assert.deepEqual(create[0]?.metadata.ownerReferences, [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u1', controller: true, blockOwnerDeletion: true },
  ]);
});

test('finished and dying pods are replaced; the right number is left alone', () => {
  assert.equal(planReplicaSet(set(1), [pod('a', { phase: 'Failed' })]).create.length, 1);
  assert.equal(planReplicaSet(set(1), [pod('a', { deleted: true })]).create.length, 1);
  assert.deepEqual(planReplicaSet(set(1), [pod('a')]), { create: [], remove: [] });
});

test('surplus pods go in upstream’s order', () => {
  const pods = [
    pod('old', { readySince: '2026-01-01T00:00:01Z' }),
    pod('young', { readySince: '2026-01-01T00:09:00Z' }),
    pod('unready'),
    pod('pending', { phase: 'Pending' }),
    pod('unscheduled', { node: '', phase: 'Pending' }),
  ];
  const order = [4, 3, 2, 1].map((replicas) => planReplicaSet(set(replicas), pods).remove.at(-1));
  assert.deepEqual(order, ['unscheduled', 'pending', 'unready', 'young']);
});

test('status counts; zero counts are left out', () => {
  const now = Date.parse('2026-01-01T00:01:00Z');
  assert.deepEqual(replicaSetStatus(set(2), [pod('a', { readySince: '2026-01-01T00:00:01Z' }), pod('b')], now), {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 1,
    availableReplicas: 1,
    observedGeneration: 3,
  });
  assert.deepEqual(replicaSetStatus(set(0), [], now), { replicas: 0, observedGeneration: 3 });
});
