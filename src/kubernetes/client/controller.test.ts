import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps } from '../../api/kubernetes/kinds.ts';
import type { ConfigMap } from '../../api/kubernetes/types.generated.ts';
import { silentLog } from '../../base/log.ts';
import { actText, objectKey, type Act } from './acts.ts';
import { FakeClient } from './client.fake.ts';
import { ownerKeys, startController, watching, type Reconcile } from './controller.ts';
import { informer, type Informer } from './informer.ts';

const namespace = 'default';
const backoff = { initialMs: 1, maxMs: 2 };

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

interface World extends AsyncDisposable {
  readonly client: FakeClient;
  readonly from: Informer<ConfigMap>;
  readonly acts: readonly Act[];
}

function run(reconcile: Reconcile, client = new FakeClient()): World {
  const from = informer(client, configMaps);
  const acts = [] as Act[];
  const controller = startController({
    name: 'test',
    client,
    log: silentLog,
    sources: [watching(from)],
    reconcile,
    backoff,
    record: (act) => void acts.push(act),
  });
  return {
    client,
    from,
    acts,
    async [Symbol.asyncDispose]() {
      await controller[Symbol.asyncDispose]();
      await from[Symbol.asyncDispose]();
    },
  };
}

test('reconciles what is there at the start and what changes, and records each act with its cause', async () => {
  const both = Promise.withResolvers<void>();
  const client = new FakeClient();
  await client.create(configMaps, configMap('a'));
  await using world = run(async (key, context) => {
    const found = await context.client.get(configMaps, objectKey(key));
    if (found.data?.['seen']) return;
    await context.client.patch(configMaps, objectKey(key), { type: 'merge', body: { data: { seen: 'yes' } } });
    if (key === 'default/b') both.resolve();
  }, client);
  await world.from.synced;
  await client.create(configMaps, configMap('b'));
  await both.promise;
  const [first] = world.acts;
  assert.deepEqual([first?.by, first?.about.key, first && actText(first)], ['test', 'default/a', 'patch ConfigMap default/a']);
  assert.deepEqual(first?.causes, ['ConfigMap default/a added @1']);
});

test('fails, backs off, and forgets its failures once it succeeds', async () => {
  const done = Promise.withResolvers<void>();
  let attempts = 0;
  await using world = run(async (_key, { causes }) => {
    attempts++;
    if (attempts < 4) throw new Error('not yet');
    assert.deepEqual(causes, ['retry']);
    done.resolve();
  });
  await world.client.create(configMaps, configMap('a'));
  await done.promise;
  assert.equal(attempts, 4);
});

test('comes back when asked to', async () => {
  const done = Promise.withResolvers<readonly string[]>();
  let runs = 0;
  await using world = run(async (_key, { causes }) => {
    if (++runs === 1) return { requeueAfterMs: 1 };
    done.resolve(causes);
    return undefined;
  });
  await world.client.create(configMaps, configMap('a'));
  assert.deepEqual(await done.promise, ['time']);
});

test('never works on one key twice at the same time; what comes meanwhile is seen afterwards', async () => {
  const [entered, proceed, again] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<number>()];
  let [inside, most, runs] = [0, 0, 0];
  await using world = run(async () => {
    most = Math.max(most, ++inside);
    if (++runs === 1) {
      entered.resolve();
      await proceed.promise;
    } else again.resolve(runs);
    inside--;
  });
  await world.client.create(configMaps, configMap('a'));
  await entered.promise;
  for (const k of ['1', '2', '3']) await world.client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body: { data: { k } } });
  proceed.resolve();
  assert.equal(await again.promise, 2);
  assert.equal(most, 1);
});

test('disposing waits for the reconcile under way and starts no other', async () => {
  const entered = Promise.withResolvers<void>();
  const events: string[] = [];
  const world = run(async (_key, { signal }) => {
    entered.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    events.push('reconciled');
  });
  await world.client.create(configMaps, configMap('a'));
  await entered.promise;
  await world[Symbol.asyncDispose]();
  events.push('disposed');
  assert.deepEqual(events, ['reconciled', 'disposed']);
});

test('an owned object leads to its controller, not to its other owners', () => {
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u' };
  const owned = (controller: boolean): ConfigMap => ({
    ...configMap('x'),
    metadata: { namespace, name: 'x', ownerReferences: [{ ...reference, controller }] },
  });
  assert.deepEqual(ownerKeys('ReplicaSet')(owned(true)), ['default/web']);
  assert.deepEqual(ownerKeys('ReplicaSet')(owned(false)), []);
  assert.deepEqual(ownerKeys('Deployment')(owned(true)), []);
});
