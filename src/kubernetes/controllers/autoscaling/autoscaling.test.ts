import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, horizontalPodAutoscalers, pods } from '../../../api/kubernetes/kinds.ts';
import type { AutoscalingHorizontalPodAutoscalerSpec as Spec, MetricSpec, Pod } from '../../../api/kubernetes/types.generated.ts';
import { FakeClient } from '../../client/client.fake.ts';
import { autoscalerController } from './autoscalers.ts';
import type { Use } from '../../metrics/usage.ts';
import { proposal } from './desired.ts';
import { limited, type Memory, nothingYet } from './limits.ts';

const cpuAt = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

function pod(name: string, ready = 'True'): Pod {
  const conditions = [{ type: 'Ready', status: ready }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] },
    status: { phase: 'Running', conditions },
  };
}

const using = (cores: Readonly<Record<string, number>>): ReadonlyMap<string, Use> =>
  new Map(Object.entries(cores).map(([name, cpu]) => [name, { cpu, memory: 0 }]));

test('usage over target, times the pods, unless it is noise', () => {
  const two = [pod('a'), pod('b')];
  const wish = (a: number, b: number): number => proposal(cpuAt(50), two, using({ a, b }), 2).replicas;
  assert.deepEqual([wish(0.1, 0.1), wish(0.053, 0.053), wish(0.01, 0.01), wish(0.05, 0.1)], [4, 2, 1, 3]);
  assert.deepEqual(proposal(cpuAt(50), two, using({ a: 0.1, b: 0.05 }), 2).status.resource?.current, {
    averageUtilization: 75,
    averageValue: '75m',
  });
  const byValue: MetricSpec = { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '20m' } } };
  assert.equal(proposal(byValue, two, using({ a: 0.1, b: 0.1 }), 2).replicas, 10);
});

test('silent pods count against the change', () => {
  const three = [pod('a'), pod('b'), pod('starting', 'False')];
  assert.equal(proposal(cpuAt(50), three, using({ a: 0.2, b: 0.2 }), 3).replicas, 8);
  assert.equal(proposal(cpuAt(50), three, using({ a: 0.07, b: 0.07 }), 3).replicas, 3);
  assert.throws(() => proposal(cpuAt(50), three, new Map(), 3), /did not receive metrics for targeted pods/);
});

const spec = (change: Partial<Spec> = {}): Spec => ({
  minReplicas: 1,
  maxReplicas: 20,
  scaleTargetRef: { kind: 'Deployment', name: 'web' },
  ...change,
});

test('growing is at most four pods or double in fifteen seconds, within the bounds', () => {
  assert.deepEqual(limited(spec(), 20, 2, nothingYet, 0), { replicas: 6, reason: 'ScaleUpLimit' });
  const grown: Memory = { proposals: [], changes: [{ at: 0, by: 4 }] };
  assert.deepEqual(limited(spec(), 20, 6, grown, 10_000), { replicas: 6, reason: 'ScaleUpLimit' });
  assert.deepEqual(limited(spec(), 20, 6, grown, 16_000), { replicas: 12, reason: 'ScaleUpLimit' });
  assert.deepEqual(limited(spec({ maxReplicas: 4 }), 20, 2, nothingYet, 0), { replicas: 4, reason: 'TooManyReplicas' });
});

test('shrinking waits until nothing in five minutes has asked for more', () => {
  const memory: Memory = { proposals: [{ at: 0, replicas: 5 }], changes: [] };
  assert.equal(limited(spec(), 1, 5, memory, 299_000).replicas, 5);
  assert.equal(limited(spec(), 1, 5, memory, 301_000).replicas, 1);
  const never = spec({ behavior: { scaleDown: { selectPolicy: 'Disabled', stabilizationWindowSeconds: 0 } } });
  assert.equal(limited(never, 1, 5, nothingYet, 0).replicas, 5);
});

test('a busy Deployment grows, says so, and is then left alone', async () => {
  const client = new FakeClient();
  const selector = { matchLabels: { app: 'web' } };
  const metadata = { namespace: 'default', name: 'web' };
  await client.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2, selector, template: {} } });
  for (const name of ['a', 'b']) await client.create(pods, pod(name));
  await client.create(horizontalPodAutoscalers, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: spec({ metrics: [cpuAt(50)] }),
  });
  let cores = 0.1;
  const usage = async (): Promise<ReadonlyMap<string, Use>> => using({ 'default/a': cores, 'default/b': cores });
  const events: string[] = [];
  const record = (_about: unknown, _type: string, reason: string): number => events.push(reason);
  const { reconcile } = autoscalerController(usage);
  const look = (now: number): Promise<unknown> => reconcile({ client, record, now: () => now }, metadata);
  await look(0);
  assert.equal((await client.get(deployments, metadata)).spec?.replicas, 4);
  assert.deepEqual(events, ['SuccessfulRescale']);
  cores = 0.05;
  await look(15_000);
  const { writes } = client;
  await look(15_000);
  assert.equal(client.writes, writes);
  const { status } = await client.get(horizontalPodAutoscalers, metadata);
  assert.deepEqual(
    status?.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`),
    ['AbleToScale True ReadyForNewScale', 'ScalingActive True ValidMetricFound', 'ScalingLimited False DesiredWithinRange'],
  );
});
