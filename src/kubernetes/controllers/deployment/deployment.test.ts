import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, replicaSets } from '../../../api/kubernetes/kinds.ts';
import type { Deployment, DeploymentSpec, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { FakeClient } from '../../client/client.fake.ts';
import { deploymentController } from './deployments.ts';
import { planDeployment, revisionOf } from './plan.ts';
import { rolloutLimits, specReplicas } from './rollout.ts';
import { deploymentStatus } from './status.ts';
import { findNew } from './template.ts';

function deployment(
  replicas: number,
  image = 'v1',
  strategy: DeploymentSpec['strategy'] = {},
): Deployment & { readonly spec: DeploymentSpec } {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'default', name: 'web', uid: 'u1', generation: 1 },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template, strategy },
  };
}

/** A small world: applies plans, and after each the pods of every ReplicaSet become available. Returns each state of [name → replicas] sums. */
function run(
  wanted: Deployment,
  start: readonly ReplicaSet[],
): { readonly end: readonly ReplicaSet[]; readonly totals: number[]; readonly available: number[] } {
  let world = [...start];
  const totals: number[] = [];
  const available: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    const plan = planDeployment(wanted, world);
    if (!plan.create && plan.scale.size === 0 && plan.annotate.size === 0 && plan.remove.length === 0)
      return { end: world, totals, available };
    if (plan.create)
      world.push({ ...plan.create, metadata: { ...plan.create.metadata, creationTimestamp: `2026-01-01T00:00:${10 + round}Z` } });
    world = world
      .filter((one) => !plan.remove.includes(one.metadata.name ?? ''))
      .map((one) => ({
        ...one,
        metadata: { ...one.metadata, annotations: plan.annotate.get(one.metadata.name ?? '') ?? one.metadata.annotations },
        spec: { ...one.spec, selector: one.spec?.selector ?? {}, replicas: plan.scale.get(one.metadata.name ?? '') ?? specReplicas(one) },
      }));
    totals.push(world.reduce((sum, one) => sum + specReplicas(one), 0));
    available.push(world.reduce((sum, one) => sum + Math.min(specReplicas(one), one.status?.availableReplicas ?? 0), 0));
    world = world.map((one) => ({
      ...one,
      status: { replicas: specReplicas(one), readyReplicas: specReplicas(one), availableReplicas: specReplicas(one) },
    }));
  }
  throw new Error('does not converge');
}

const sizes = (world: readonly ReplicaSet[]): number[] => world.map(specReplicas);

test('a new Deployment gets one ReplicaSet with revision 1, and then nothing more to do', () => {
  const { end } = run(deployment(3), []);
  assert.deepEqual(sizes(end), [3]);
  assert.equal(end[0]?.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
  assert.equal(end[0]?.metadata.labels?.['pod-template-hash'], end[0]?.spec?.selector.matchLabels?.['pod-template-hash']);
});

test('a rolling update stays between replicas − maxUnavailable available and replicas + maxSurge in all', () => {
  const { end: first } = run(deployment(10), []);
  const { end, totals, available } = run(deployment(10, 'v2'), first);
  assert.deepEqual(sizes(end), [0, 10]);
  assert(
    totals.every((count) => count <= 13),
    `surge 25 % of 10 rounds up to 3: ${totals}`,
  );
  assert(
    available.every((count) => count >= 8),
    `unavailable 25 % of 10 rounds down to 2: ${available}`,
  );
  assert.deepEqual(end.map(revisionOf), [1, 2]);
});

test('rollback brings the old ReplicaSet back as the newest revision', () => {
  const { end: first } = run(deployment(2), []);
  const { end: second } = run(deployment(2, 'v2'), first);
  const { end } = run(deployment(2, 'v1'), second);
  assert.deepEqual(sizes(end), [2, 0]);
  assert.deepEqual(end.map(revisionOf), [3, 2]);
});

test('Recreate empties the old before it makes the new', () => {
  const { end: first } = run(deployment(2, 'v1', { type: 'Recreate' }), []);
  const { end, totals } = run(deployment(2, 'v2', { type: 'Recreate' }), first);
  assert.deepEqual(sizes(end), [0, 2]);
  assert.equal(Math.min(...totals), 0);
  assert(Math.max(...totals) <= 2);
});

test('scaling in one step', () => {
  const { end: first } = run(deployment(2), []);
  assert.deepEqual(sizes(run(deployment(7), first).end), [7]);
  assert.deepEqual(sizes(run(deployment(0), first).end), [0]);
  const { end: second } = run(deployment(2, 'v2'), first);
  assert.deepEqual(sizes(run(deployment(5, 'v2'), second).end), [0, 5]);
});

test('paused: the template may change without effect, scaling goes on', () => {
  const { end: first } = run(deployment(2), []);
  const paused = (replicas: number): Deployment => ({
    ...deployment(replicas, 'v2'),
    spec: { ...deployment(replicas, 'v2').spec, paused: true },
  });
  assert.equal(planDeployment(paused(2), first).create, undefined);
  assert.deepEqual([...planDeployment(paused(4), first).scale.values()], [4]);
});

test('history beyond the limit goes, oldest first', () => {
  let world: readonly ReplicaSet[] = [];
  for (const version of ['v1', 'v2', 'v3', 'v4']) {
    const wanted = deployment(1, version);
    world = run({ ...wanted, spec: { ...wanted.spec, revisionHistoryLimit: 1 } }, world).end;
  }
  assert.deepEqual(world.map(revisionOf), [3, 4]);
});

test('rounding of the limits', () => {
  assert.deepEqual(rolloutLimits(deployment(1)), { surge: 1, unavailable: 0 });
  assert.deepEqual(rolloutLimits(deployment(1, 'v1', { rollingUpdate: { maxSurge: 0, maxUnavailable: '50%' } })), {
    surge: 0,
    unavailable: 1,
  });
  assert.deepEqual(rolloutLimits(deployment(4, 'v1', { rollingUpdate: { maxSurge: '50%', maxUnavailable: 1 } })), {
    surge: 2,
    unavailable: 1,
  });
});

test('status says complete only when every pod is new and available; equal input keeps its times', () => {
  const { end } = run(deployment(2), []);
  const wanted = deployment(2);
  const status = deploymentStatus(wanted, end, findNew(wanted, end), '2026-01-01T00:00:00Z');
  assert.equal(status.updatedReplicas, 2);
  assert.equal(status.unavailableReplicas, undefined);
  assert.deepEqual(
    status.conditions?.map(({ type, reason }) => `${type} ${reason}`),
    ['Available MinimumReplicasAvailable', 'Progressing NewReplicaSetAvailable'],
  );
  assert.deepEqual(deploymentStatus({ ...wanted, status }, end, findNew(wanted, end), '2027-01-01T00:00:00Z'), status);
});

test('somebody gave its ReplicaSet another template: the name is taken, the next collision count makes another', async () => {
  const client = new FakeClient();
  const key = { namespace: 'default', name: 'web' };
  await client.create(deployments, { ...deployment(1), metadata: key });
  const reconcile = async (): Promise<void> => {
    for (let round = 0; round < 4; round += 1)
      await deploymentController.reconcile({ client, record: () => undefined, now: Date.now }, key);
  };
  await reconcile();
  const [first] = (await client.list(replicaSets, { namespace: 'default' })).items;
  const name = first?.metadata.name ?? '';
  const body = { spec: { template: { spec: { containers: [{ name: 'c', image: 'other' }] } } } };
  await client.patch(replicaSets, { namespace: 'default', name }, { type: 'merge', body });
  await reconcile();
  const found = await client.get(deployments, key);
  const now = (await client.list(replicaSets, { namespace: 'default' })).items;
  assert.deepEqual([now.length, found.status?.collisionCount], [2, 1]);
  assert.equal(findNew(found, now)?.spec?.replicas, 1);
});
