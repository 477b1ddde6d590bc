import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  daemonSets,
  deployments,
  jobs,
  namespaces,
  nodes,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  replicationControllers,
  services,
  statefulSets,
  type Kind,
  type KubernetesObject,
} from '../../api/kubernetes/kinds.ts';
import type { PodTemplateSpec } from '../../api/kubernetes/types.generated.ts';
import { silentLog } from '../../base/log.ts';
import { recordingClient } from '../client/acts.ts';
import { FakeClient } from '../client/client.fake.ts';
import type { Client } from '../client/client.ts';
import { Informers } from '../client/informers.ts';
import { keyOf } from '../client/object-cache.ts';
import { allKinds } from './all-kinds.ts';
import { reconcilers } from './reconcilers.ts';

const volumesFolder = mkdtempSync(join(tmpdir(), 'davit-settle-'));
after(() => rmSync(volumesFolder, { recursive: true }));

const namespace = 'default';
const web = { app: 'web' };
const db = { app: 'db' };
const template = (labels: Readonly<Record<string, string>>): PodTemplateSpec => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'busybox', ports: [{ containerPort: 80 }] }] },
});

/** A cluster's worth of wishes; the passing of time and the work of nodes come from `round`. */
async function wishes(): Promise<FakeClient> {
  const client = new FakeClient();
  const make = <T extends KubernetesObject>(kind: Kind<T>, object: Omit<T, 'apiVersion' | 'kind'>): Promise<T> =>
    client.create(kind, { apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version, kind: kind.kind, ...object } as T);
  await make(namespaces, { metadata: { name: namespace }, spec: { finalizers: ['kubernetes'] } });
  await make(deployments, {
    metadata: { namespace, name: 'web' },
    spec: { replicas: 2, selector: { matchLabels: web }, template: template(web) },
  });
  await make(services, { metadata: { namespace, name: 'web' }, spec: { selector: web, ports: [{ port: 80 }] } });
  await make(nodes, { metadata: { name: 'n1' }, spec: {} });
  const agent = { app: 'agent' };
  await make(daemonSets, { metadata: { namespace, name: 'agent' }, spec: { selector: { matchLabels: agent }, template: template(agent) } });
  const old = { app: 'old' };
  await make(replicationControllers, {
    metadata: { namespace, name: 'old' },
    spec: { replicas: 1, selector: old, template: template(old) },
  });
  const work = { app: 'work' };
  await make(jobs, {
    metadata: { namespace, name: 'work' },
    spec: { completions: 2, parallelism: 2, selector: { matchLabels: work }, template: template(work) },
  });
  await make(podDisruptionBudgets, { metadata: { namespace, name: 'web' }, spec: { minAvailable: 1, selector: { matchLabels: web } } });
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } };
  await make(statefulSets, {
    metadata: { namespace, name: 'db' },
    spec: { replicas: 2, serviceName: 'db', selector: { matchLabels: db }, template: template(db), volumeClaimTemplates: [claim] },
  });
  return client;
}

/** Every controller looks once at everything it might concern; then the nodes make all pods Ready. */
async function round(client: Client, world: FakeClient): Promise<void> {
  await using informers = new Informers(world, silentLog);
  const all = reconcilers({ rootCa: 'CA', volumesFolder, balancerPool: '192.0.2.0/28' }, informers);
  await informers.of(services).synced;
  for (const { triggers, reconcile } of all) {
    const keys = new Map<string, { readonly namespace?: string; readonly name: string }>();
    for (const { kind, keysOf } of triggers) {
      for (const key of (await world.list(kind)).items.flatMap(keysOf)) keys.set(keyOf({ apiVersion: '', kind: '', metadata: key }), key);
    }
    for (const key of keys.values()) await reconcile({ client, record: () => undefined, now: Date.now }, key);
  }
  // The scheduler's part for claims that wait for their first pod.
  for (const { metadata } of (await world.list(persistentVolumeClaims)).items) {
    const body = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } };
    await world.patch(persistentVolumeClaims, { namespace, name: metadata.name ?? '' }, { type: 'merge', body });
  }
  for (const { metadata, status } of (await world.list(pods)).items) {
    if (status?.phase === 'Running') continue;
    const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const body = { status: { phase: 'Running', podIP: '10.244.0.9', conditions: [ready] } };
    await world.patch(pods, { namespace, name: metadata.name ?? '' }, { type: 'merge', body }, 'status');
  }
}

/** Rounds until one writes nothing. */
async function settle(world: FakeClient): Promise<void> {
  for (let rounds = 0; rounds < 20; rounds++) {
    const before = world.writes;
    await round(world, world);
    if (world.writes === before) return;
  }
  assert.fail('the controllers never come to rest');
}

/** What there is, without names that are drawn by lot. */
async function summary(world: FakeClient): Promise<readonly string[]> {
  const lists = await Promise.all(allKinds.map(async (kind) => [kind.resource, (await world.list(kind)).items.length] as const));
  const workloads = [...(await world.list(deployments)).items, ...(await world.list(statefulSets)).items];
  const statuses = workloads.map(
    ({ metadata, status }) => `${metadata.name} ${status?.replicas} ${status?.readyReplicas} ${status?.updatedReplicas}`,
  );
  const [agent] = (await world.list(daemonSets)).items;
  const [job] = (await world.list(jobs)).items;
  const [budget] = (await world.list(podDisruptionBudgets)).items;
  statuses.push(
    `agent ${agent?.status?.numberAvailable}`,
    `work ${job?.status?.active} active`,
    `${budget?.status?.disruptionsAllowed} disruptions`,
  );
  return [...lists.map(([resource, count]) => `${count} ${resource}`), ...statuses];
}

test('the controllers come to rest: what is reconciled again is not written again', async () => {
  const world = await wishes();
  await settle(world);
  const found = await summary(world);
  for (const expected of [
    '8 pods',
    '1 replicasets',
    '2 persistentvolumes',
    '1 endpointslices',
    'web 2 2 2',
    'db 2 2 2',
    'agent 1',
    'work 2 active',
    '1 disruptions',
  ]) {
    assert(found.includes(expected), `${expected} in ${found.join(', ')}`);
  }
});

test('dying between any two writes leaves nothing that the next life does not mend', async () => {
  const undisturbed = await wishes();
  await settle(undisturbed);
  const expected = await summary(undisturbed);
  let hasDied = true;
  for (let survived = 0; hasDied; survived++) {
    const world = await wishes();
    hasDied = await liveFor(survived, world);
    await settle(world);
    assert.deepEqual(await summary(world), expected, `after dying at write ${survived + 1}`);
  }
});

/** Rounds until a write is the last one; false when there were not that many. */
async function liveFor(writes: number, world: FakeClient): Promise<boolean> {
  let left = writes;
  const mortal = recordingClient(world, () => {
    if (left-- === 0) throw new Error('killed');
  });
  for (let rounds = 0; rounds < 6; rounds++) {
    try {
      await round(mortal, world);
    } catch {
      return true;
    }
  }
  return false;
}
