import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '../../api/kubernetes/types.generated.ts';
import { nodeState, podRequests } from './node-state.ts';
import { type Decision, schedule } from './schedule.ts';

function node(name: string, change: Partial<Node> = {}): Node {
  const status = { allocatable: { cpu: '2', memory: '4Gi', pods: '10' }, conditions: [{ type: 'Ready', status: 'True' }] };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status, ...change };
}

function pod(name: string, spec: Partial<PodSpec> = {}, requests: Record<string, string> = {}): Pod {
  const containers = [{ name: 'c', image: 'x', resources: { requests } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name }, spec: { containers, ...spec } };
}

function decide(one: Pod, nodes: readonly Node[], placed: readonly Pod[] = []): Decision {
  return schedule(
    one,
    nodes.map((each) => nodeState(each, placed)),
    { claims: new Map() },
  );
}

test('goes to the emptier node', () => {
  const placed = [pod('a', { nodeName: 'n1' }, { cpu: '1' })];
  assert.deepEqual(decide(pod('b', {}, { cpu: '500m' }), [node('n1'), node('n2')], placed), { nodeName: 'n2' });
});

test('says why nothing fits, one reason per node, counted', () => {
  const cordoned = node('n2', { spec: { unschedulable: true } });
  assert.deepEqual(decide(pod('b', {}, { cpu: '3', memory: '5Gi' }), [node('n1'), cordoned]), {
    message:
      '0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  });
  assert.deepEqual(decide(pod('b'), []), { message: 'no nodes available to schedule pods' });
});

test('finished pods hold nothing', () => {
  const done = { ...pod('a', { nodeName: 'n1' }, { cpu: '2' }), status: { phase: 'Succeeded' } };
  assert.deepEqual(decide(pod('b', {}, { cpu: '2' }), [node('n1')], [done]), { nodeName: 'n1' });
});

test('selectors, affinity, taints and host ports keep nodes out', () => {
  const taint = [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }];
  const tainted = node('n1', { spec: { taints: taint } });
  assert('message' in decide(pod('a'), [tainted]));
  assert('nodeName' in decide(pod('a', { tolerations: [{ key: 'gpu', operator: 'Exists' }] }), [tainted]));
  assert('message' in decide(pod('a', { nodeSelector: { disk: 'ssd' } }), [node('n1')]));
  const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] }];
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
  assert.deepEqual(decide(pod('a', { affinity }), [node('n1'), node('n2')]), { nodeName: 'n2' });
  const port = { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] };
  assert.deepEqual(decide(pod('a', port), [node('n1')], [pod('b', { ...port, nodeName: 'n1' })]), {
    message:
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  });
});

test('a claim must exist and be bound', () => {
  const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };
  assert.deepEqual(decide(pod('a', spec), [node('n1')]), {
    message:
      '0/1 nodes are available: 1 persistentvolumeclaim "data" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  });
});

test('init containers count by their peak, sidecars with everything after them', () => {
  const requests = (cpu: string): { resources: { requests: { cpu: string } } } => ({ resources: { requests: { cpu } } });
  const initContainers = [
    { name: 'side', image: 'x', restartPolicy: 'Always', ...requests('1') },
    { name: 'init', image: 'x', ...requests('3') },
  ];
  assert.deepEqual(podRequests(pod('a', { initContainers }, { cpu: '2' })), { cpu: 4, pods: 1 });
});
