import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods, replicaSets, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { ObjectMeta, OwnerReference } from '../../../api/kubernetes/types.generated.ts';
import { nodeKey, OwnerGraph, splitNodeKey } from './graph.ts';
import { ownerState, verdictOn } from './plan.ts';

const reference = (uid: string): OwnerReference => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid });
const object = (metadata: ObjectMeta): KubernetesObject => ({ apiVersion: 'v1', kind: 'Pod', metadata });
const ownedBy = (...uids: string[]): KubernetesObject =>
  object({ namespace: 'default', name: 'p', uid: 'p', ownerReferences: uids.map(reference) });

test('an owner is solid, waiting or dangling', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  assert.equal(ownerState(reference('a'), undefined), 'dangling');
  assert.equal(ownerState(reference('a'), object({ uid: 'another life' })), 'dangling');
  assert.equal(ownerState(reference('a'), object({ uid: 'a' })), 'solid');
  assert.equal(ownerState(reference('a'), object({ uid: 'a', deletionTimestamp })), 'solid');
  assert.equal(ownerState(reference('a'), object({ uid: 'a', deletionTimestamp, finalizers: ['foregroundDeletion'] })), 'waiting');
});

test('an object goes when no owner stays', () => {
  assert.deepEqual(verdictOn(ownedBy(), [], false), { type: 'keep' });
  assert.deepEqual(verdictOn(ownedBy('a'), ['solid'], false), { type: 'keep' });
  assert.deepEqual(verdictOn(ownedBy('a', 'b'), ['dangling', 'solid'], false), { type: 'release', references: [reference('b')] });
  assert.deepEqual(verdictOn(ownedBy('a', 'b'), ['dangling', 'dangling'], true), { type: 'delete', policy: 'Background' });
  assert.deepEqual(verdictOn(ownedBy('a'), ['waiting'], true), { type: 'delete', policy: 'Foreground' });
  assert.deepEqual(verdictOn(ownedBy('a'), ['waiting'], false), { type: 'delete', policy: 'Background' });
});

test('the graph follows changes of owner references', () => {
  const graph = new OwnerGraph();
  const key = nodeKey(pods, ownedBy('a'));
  assert.deepEqual(splitNodeKey(key), { resource: 'pods.', key: 'default/p' });
  graph.replace(pods, undefined, ownedBy('a'));
  graph.replace(replicaSets, undefined, ownedBy('a'));
  assert.deepEqual(graph.dependentsOf('a'), [key, 'replicasets.apps|default/p']);
  graph.replace(pods, ownedBy('a'), ownedBy('b'));
  graph.replace(replicaSets, ownedBy('a'), undefined);
  assert.deepEqual([graph.dependentsOf('a'), graph.dependentsOf('b')], [[], [key]]);
});
