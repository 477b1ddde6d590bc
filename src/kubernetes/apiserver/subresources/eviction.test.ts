import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podDisruptionBudgets, pods, priorityClasses } from '../../../api/kubernetes/kinds.ts';
import type { Pod, PodDisruptionBudget } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';
import type { FailureStatus } from '../status.ts';
import { evictPod } from './eviction.ts';
import { resourceOf } from '../resources.ts';
import { Registry } from '../registry/registry.ts';
import { addressRange } from '../registry/service-addresses.ts';

const namespace = 'default';
const registryOf = (live: LiveServer): Registry => new Registry(live.store, addressRange('10.96.0.0/16'));

async function runningPod(live: LiveServer, name: string, ready = 'True'): Promise<Pod> {
  const { client } = live.api;
  const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] };
  const pod = await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, labels: { app: 'web' } }, spec });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] };
  return client.update(pods, { ...pod, status }, 'status');
}

async function budget(live: LiveServer, status: Partial<PodDisruptionBudget['status']>, spec: object = {}): Promise<void> {
  const { client } = live.api;
  const made = await client.create(podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace, name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } }, ...spec },
  });
  const counts = { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2, observedGeneration: 1 };
  await client.update(podDisruptionBudgets, { ...made, status: { ...counts, ...status } }, 'status');
}

const evict = (live: LiveServer, name: string): Promise<void> => evictPod(registryOf(live), resourceOf(pods), { namespace, name }, {});

function refusal(expected: { readonly code: number; readonly cause: string }): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof KindError);
    const status = error.details as FailureStatus;
    assert.deepEqual([status.code, status.details?.causes?.[0]?.message], [expected.code, expected.cause]);
    assert.equal(status.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    return true;
  };
}

test('an eviction uses up the budget, and the next one is refused with 429', async () => {
  await using live = await liveServer();
  await runningPod(live, 'a');
  await runningPod(live, 'b');
  await budget(live, {});
  await evict(live, 'a');
  const [a, after] = await Promise.all([
    live.api.client.get(pods, { namespace, name: 'a' }),
    live.api.client.get(podDisruptionBudgets, { namespace, name: 'web' }),
  ]);
  assert(a.metadata.deletionTimestamp);
  assert.equal(a.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'EvictionByEvictionAPI');
  assert.deepEqual([after.status?.disruptionsAllowed, Object.keys(after.status?.disruptedPods ?? {})], [0, ['a']]);
  const cause = 'The disruption budget web needs 1 healthy pods and has 2 currently';
  await assert.rejects(evict(live, 'b'), refusal({ code: 429, cause }));
});

test('two evictions at once share one disruption', async () => {
  await using live = await liveServer();
  await runningPod(live, 'a');
  await runningPod(live, 'b');
  await budget(live, {});
  const results = await Promise.allSettled([evict(live, 'a'), evict(live, 'b')]);
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('a budget that the controller has not seen yet refuses; unhealthy pods go when the policy says so', async () => {
  await using live = await liveServer();
  await runningPod(live, 'sick', 'False');
  await budget(live, { observedGeneration: 0 }, { unhealthyPodEvictionPolicy: 'IfHealthyBudget' });
  await runningPod(live, 'well');
  const cause = 'The disruption budget web is still being processed by the server.';
  await assert.rejects(evict(live, 'well'), refusal({ code: 429, cause }));
  await evict(live, 'sick');
});

test('a pod gets the priority of its class, which must exist', async () => {
  await using live = await liveServer();
  const { client } = live.api;
  const make = (name: string, priorityClassName?: string): Promise<Pod> =>
    client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name },
      spec: { containers: [{ name: 'c', image: 'x' }], ...(priorityClassName && { priorityClassName }) },
    });
  await client.create(priorityClasses, {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'high' },
    value: 1000,
    preemptionPolicy: 'Never',
  });
  const { spec } = await make('a', 'high');
  assert.deepEqual([spec?.priority, spec?.preemptionPolicy], [1000, 'Never']);
  assert.equal((await make('b', 'system-node-critical')).spec?.priority, 2_000_001_000);
  assert.equal((await make('c')).spec?.priority, 0);
  await assert.rejects(make('d', 'none'), /pods "d" is forbidden: no PriorityClass with name none was found/);
});
