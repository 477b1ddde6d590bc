import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet, DaemonSetSpec, Node, NodeSpec, Pod, PodSpec } from '../../../api/kubernetes/types.generated.ts';
import { revisionLabel } from '../revisions.ts';
import { nodeOf } from './placement.ts';
import { daemonSetStatus, planDaemonSet } from './plan.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function set(change: Partial<DaemonSetSpec> = {}, pod: Partial<PodSpec> = {}): DaemonSet {
  const template = { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image: 'x' }], ...pod } };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { namespace: 'default', name: 'agent', uid: 'u1', generation: 1 },
    spec: { selector: { matchLabels: { app: 'agent' } }, template, ...change },
  };
}

const node = (name: string, spec: NodeSpec = {}, labels: Record<string, string> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec,
});

interface Facts {
  readonly hash?: string;
  readonly ready?: boolean;
  readonly phase?: string;
  readonly going?: boolean;
  readonly created?: string;
}

function on(
  nodeName: string,
  name: string,
  { hash = 'new', ready = true, phase = 'Running', going = false, created = '00' }: Facts = {},
): Pod {
  const conditions = ready ? [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] : [];
  const deletion = going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  const metadata = { namespace: 'default', name, labels: { [revisionLabel]: hash }, creationTimestamp: `2026-01-01T00:${created}:00Z` };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ...deletion },
    spec: { containers: [], nodeName },
    status: { phase, conditions },
  };
}

function plan(one: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): string {
  const { create, remove } = planDaemonSet(one, nodes, pods, 'new', now);
  return [...create.map((pod) => `+${nodeOf(pod)}`), ...remove.map((name) => `-${name}`)].join(' ');
}

const three = [node('n1'), node('n2'), node('n3')];
const rolling = (rollingUpdate: object): DaemonSet => set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });

test('one pod per node, held there by affinity, tolerating what daemons tolerate', () => {
  assert.equal(plan(set(), three, [on('n2', 'b')]), '+n1 +n3');
  const [made] = planDaemonSet(set(), three, [], 'new', now).create;
  assert.deepEqual(made?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms, [
    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] },
  ]);
  assert.deepEqual(
    made?.spec?.tolerations?.map(({ key, effect }) => `${key?.split('/')[1]} ${effect}`),
    [
      'not-ready NoExecute',
      'unreachable NoExecute',
      'disk-pressure NoSchedule',
      'memory-pressure NoSchedule',
      'pid-pressure NoSchedule',
      'unschedulable NoSchedule',
    ],
  );
});

test('selectors, affinity and taints choose the nodes; a cordon does not', () => {
  const nodes = [
    node('plain'),
    node('ssd', {}, { disk: 'ssd' }),
    node('tainted', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] }),
    node('cordoned', { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
  ];
  assert.equal(plan(set(), nodes, []), '+plain +ssd +cordoned');
  assert.equal(plan(set({}, { nodeSelector: { disk: 'ssd' } }), nodes, []), '+ssd');
  assert.equal(plan(set({}, { tolerations: [{ operator: 'Exists' }] }), nodes, []), '+plain +ssd +tainted +cordoned');
});

test('a daemon stays on a node that was tainted NoSchedule later, and leaves one tainted NoExecute or relabelled', () => {
  const taint = (effect: string): Node => node('n1', { taints: [{ key: 'x', effect }] });
  assert.equal(plan(set(), [taint('NoSchedule')], [on('n1', 'a')]), '');
  assert.equal(plan(set(), [taint('NoExecute')], [on('n1', 'a')]), '-a');
  assert.equal(plan(set({}, { nodeSelector: { disk: 'ssd' } }), [node('n1')], [on('n1', 'a')]), '-a');
});

test('a pod that ended is deleted, and made anew when it is gone; of two the older stays', () => {
  assert.equal(plan(set(), [node('n1')], [on('n1', 'a', { phase: 'Failed', ready: false })]), '-a');
  assert.equal(plan(set(), [node('n1')], [on('n1', 'a', { going: true })]), '');
  assert.equal(plan(set(), [node('n1')], [on('n1', 'young', { created: '09' }), on('n1', 'old')]), '-young');
});

test('rolls one node at a time, broken ones at once, OnDelete never', () => {
  const old = { hash: 'old' };
  const pods = [on('n1', 'a', old), on('n2', 'b', old), on('n3', 'c', old)];
  assert.equal(plan(rolling({ maxUnavailable: 1, maxSurge: 0 }), three, pods), '-a');
  assert.equal(plan(rolling({ maxUnavailable: '50%', maxSurge: 0 }), three, pods), '-a -b');
  assert.equal(plan(rolling({ maxUnavailable: 1 }), three, [on('n1', 'a', { ready: false }), ...pods.slice(1)]), '');
  assert.equal(plan(rolling({ maxUnavailable: 1 }), three, [on('n1', 'a', { ...old, ready: false }), ...pods.slice(1)]), '-a');
  assert.equal(plan(set({ updateStrategy: { type: 'OnDelete' } }), three, pods), '');
});

test('with a surge the new pod comes first', () => {
  const surge = rolling({ maxSurge: 1, maxUnavailable: 0 });
  const old = { hash: 'old' };
  const pods = [on('n1', 'a', old), on('n2', 'b', old)];
  const two = three.slice(0, 2);
  assert.equal(plan(surge, two, pods), '+n1');
  assert.equal(plan(surge, two, [...pods, on('n1', 'a2', { ready: false })]), '');
  assert.equal(plan(surge, two, [...pods, on('n1', 'a2')]), '+n2 -a');
});

test('minReadySeconds delays availability', () => {
  const slow = set({ minReadySeconds: 7200, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } });
  assert.equal(plan(slow, three, [on('n1', 'a'), on('n2', 'b', { hash: 'old' }), on('n3', 'c')]), '-b');
  assert.equal(daemonSetStatus(slow, three, [on('n1', 'a')], 'new', now).numberAvailable, undefined);
});

test('status counts nodes', () => {
  const nodes = [...three, node('n4', { taints: [{ key: 'x', effect: 'NoSchedule' }] })];
  const pods = [on('n1', 'a'), on('n2', 'b', { hash: 'old', ready: false }), on('n4', 'd')];
  assert.deepEqual(daemonSetStatus(set(), nodes, pods, 'new', now), {
    currentNumberScheduled: 2,
    desiredNumberScheduled: 3,
    numberAvailable: 1,
    numberMisscheduled: 1,
    numberReady: 1,
    numberUnavailable: 2,
    observedGeneration: 1,
    updatedNumberScheduled: 1,
  });
});
