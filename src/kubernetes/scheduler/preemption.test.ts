import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodDisruptionBudget } from '../../api/kubernetes/types.generated.ts';
import type { Cluster } from './cluster/cluster.ts';
import { clusterOf, infoIn, node, pod, usual } from './cluster.fake.ts';
import { evaluate } from './evaluate.ts';
import { preempt } from './preemption.ts';

const high = pod('high', { cpu: '1', priority: 100 });

/** `n1: low` — where room is made and who goes — or why none is. */
function plan(one: Pod, cluster: Cluster): string {
  const info = infoIn(cluster, one);
  const evaluation = evaluate(info, cluster, usual);
  if ('nodeName' in evaluation) return `fits on ${evaluation.nodeName}`;
  const before = JSON.stringify(cluster.nodes.map(({ requested }) => requested));
  const result = preempt(info, cluster, usual, evaluation.refusals);
  assert.equal(JSON.stringify(cluster.nodes.map(({ requested }) => requested)), before, 'leaves the cluster as it was');
  if ('message' in result) return result.message;
  return `${result.chosen.nodeName}: ${result.chosen.victims.map(({ key }) => key.split('/')[1]).join(', ')}`;
}

test('the fewest and least important pods go', () => {
  const placed = [
    [pod('low', { cpu: '1', priority: 1 }), 'n1'],
    [pod('mid', { cpu: '1', priority: 50 }), 'n1'],
  ] as const;
  assert.equal(plan(high, clusterOf([node('n1')], placed)), 'n1: low');
});

test('of several nodes the one where it hurts least', () => {
  const fill = (name: string, priority: number, nodeName: string) => [pod(name, { cpu: '2', priority }), nodeName] as const;
  const nodes = [node('n1'), node('n2'), node('n3')];
  assert.equal(plan(high, clusterOf(nodes, [fill('a', 50, 'n1'), fill('b', 10, 'n2'), fill('c', 90, 'n3')])), 'n2: b');
});

test('equals and betters are left alone; some nodes cannot be helped', () => {
  const placed = [[pod('equal', { cpu: '2', priority: 100 }), 'n1']] as const;
  assert.equal(plan(high, clusterOf([node('n1')], placed)), '0/1 nodes are available: 1 No preemption victims found for incoming pod.');
  const cordoned = node('n1', { spec: { unschedulable: true } });
  const [low] = [[pod('low', { cpu: '2' }), 'n1']] as const;
  assert.equal(plan(high, clusterOf([cordoned], [low])), '0/1 nodes are available: 1 Preemption is not helpful for scheduling.');
  const polite = pod('polite', { cpu: '1', priority: 100, spec: { preemptionPolicy: 'Never' } });
  assert.equal(plan(polite, clusterOf([node('n1')], [low])), 'not eligible due to preemptionPolicy=Never.');
});

test('pods whose budget allows no disruption are spared where others can go', () => {
  const labels = { app: 'db' };
  const budget: PodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'default', name: 'db' },
    spec: { selector: { matchLabels: labels } },
    status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
  };
  const placed = [
    [pod('guarded', { cpu: '2', labels }), 'n1'],
    [pod('plain', { cpu: '2', priority: 5 }), 'n2'],
  ] as const;
  assert.equal(plan(high, clusterOf([node('n1'), node('n2')], placed, { budgets: () => [budget] })), 'n2: plain');
});

test('anti-affinity and spread are re-asked without the victims', () => {
  const labelSelector = { matchLabels: { app: 'web' } };
  const away = [{ topologyKey: 'kubernetes.io/hostname', labelSelector }];
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: away } };
  const loner = pod('loner', { priority: 100, spec: { affinity } });
  assert.equal(plan(loner, clusterOf([node('n1')], [[pod('web', { labels: { app: 'web' } }), 'n1']])), 'n1: web');
});

test('room that was promised to a more important pod is not given away, and nobody asks twice', () => {
  const cluster = clusterOf([node('n1')]);
  cluster.nominate(infoIn(cluster, pod('promised', { cpu: '2', priority: 50 })), 'n1');
  assert.match(plan(pod('less', { cpu: '1', priority: 10 }), cluster), /No preemption victims found/);
  assert.equal(plan(high, cluster), 'fits on n1');
  const going = pod('going', { cpu: '2' });
  const ending = { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const waiting = { ...high, status: { nominatedNodeName: 'n1' } };
  assert.equal(plan(waiting, clusterOf([node('n1')], [[ending, 'n1']])), 'not eligible due to a terminating pod on the nominated node.');
});
