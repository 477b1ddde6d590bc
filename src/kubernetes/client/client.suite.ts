import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps, deployments, nodes, pods, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { ConfigMap, Deployment, Node, Pod } from '../../api/kubernetes/types.generated.ts';
import type { Client, WatchEvent } from './client.ts';

const namespace = 'default';

function configMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels }, data };
}

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name: 'web' },
  spec: { containers: [{ name: 'c', image: 'busybox' }] },
};
const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-b' } };

async function take<T extends KubernetesObject>(watch: AsyncIterable<WatchEvent<T>>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type, object } of watch) {
    if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata.name}`);
    if (seen.length === count) break;
  }
  return seen;
}

/** The contract of Client: what everything below the API relies on. `open` gives an API whose namespace `default` exists. */
export function clientSuite(name: string, open: () => Promise<{ readonly client: Client } & AsyncDisposable>): void {
  test(`${name}: objects get an identity, and are read as they were written`, async () => {
    await using api = await open();
    const made = await api.client.create(configMaps, configMap('a', { k: 'v' }));
    assert(made.metadata.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp);
    assert.deepEqual(await api.client.get(configMaps, { namespace, name: 'a' }), made);
    await assert.rejects(api.client.create(configMaps, configMap('a')), {
      kind: 'alreadyExists',
      message: 'configmaps "a" already exists',
    });
    await assert.rejects(api.client.get(configMaps, { namespace, name: 'b' }), { kind: 'notFound', message: 'configmaps "b" not found' });
    const generated = await api.client.create(configMaps, { ...configMap(''), metadata: { namespace, generateName: 'a-' } });
    assert.match(generated.metadata.name ?? '', /^a-[a-z0-9]{5}$/);
  });

  test(`${name}: lists are in order and know their kind; selectors select`, async () => {
    await using api = await open();
    for (const each of ['c', 'a', 'b'])
      await api.client.create(configMaps, configMap(each, {}, { team: each === 'b' ? 'x' : 'y', set: 'own' }));
    const list = await api.client.list(configMaps, { namespace, labelSelector: 'set=own' });
    assert.deepEqual(
      list.items.map((item) => item.metadata.name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual([list.items[0]?.apiVersion, list.items[0]?.kind], ['v1', 'ConfigMap']);
    const selected = await api.client.list(configMaps, { namespace, labelSelector: 'team=y,set=own' });
    assert.deepEqual(
      selected.items.map((item) => item.metadata.name),
      ['a', 'c'],
    );
    const named = await api.client.list(configMaps, { fieldSelector: 'metadata.name=b' });
    assert.deepEqual(
      named.items.map((item) => item.metadata.name),
      ['b'],
    );
  });

  test(`${name}: a list for an owner has what it controls and what nobody controls, at once after each write`, async () => {
    await using api = await open();
    const owner = await api.client.create(configMaps, configMap('owner'));
    const { uid = '' } = owner.metadata;
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, controller: true };
    const owned = async (of = uid): Promise<readonly (string | undefined)[]> =>
      (await api.client.list(configMaps, { namespace, controlledBy: of })).items
        .map(({ metadata }) => metadata.name)
        .filter((each) => each !== 'kube-root-ca.crt');
    assert.deepEqual(await owned(), ['owner']);
    const made = await api.client.create(configMaps, {
      ...configMap('b'),
      metadata: { namespace, name: 'b', ownerReferences: [reference] },
    });
    await api.client.create(configMaps, configMap('a'));
    assert.deepEqual(
      [await owned(), await owned('another')],
      [
        ['a', 'b', 'owner'],
        ['a', 'owner'],
      ],
    );
    const freed = await api.client.update(configMaps, { ...made, metadata: { ...made.metadata, ownerReferences: [] } });
    assert.deepEqual(await owned('another'), ['a', 'b', 'owner']);
    await api.client.update(configMaps, { ...freed, metadata: { ...freed.metadata, ownerReferences: [reference] } });
    await api.client.delete(configMaps, { namespace, name: 'a' });
    assert.deepEqual([await owned(), await owned('another')], [['b', 'owner'], ['owner']]);
    assert.deepEqual((await api.client.list(configMaps, { namespace: 'elsewhere', controlledBy: uid })).items, []);
  });

  test(`${name}: an update needs the newest version; nothing changed is nothing written`, async () => {
    await using api = await open();
    const made = await api.client.create(configMaps, configMap('a', { k: '1' }));
    const changed = await api.client.update(configMaps, { ...made, data: { k: '2' } });
    assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion);
    await assert.rejects(api.client.update(configMaps, { ...made, data: { k: '3' } }), { kind: 'conflict' });
    assert.equal((await api.client.update(configMaps, changed)).metadata.resourceVersion, changed.metadata.resourceVersion);
    const patched = await api.client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body: { data: { k: null, l: '4' } } });
    assert.deepEqual(patched.data, { l: '4' });
  });

  test(`${name}: status and spec are written apart; only the spec counts generations`, async () => {
    await using api = await open();
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: pod.spec };
    const made = await api.client.create<Deployment>(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    });
    assert.equal(made.metadata.generation, 1);
    assert(made.spec);
    const spec = { ...made.spec, replicas: 5 };
    const withStatus = await api.client.update(deployments, { ...made, spec, status: { replicas: 1 } }, 'status');
    assert.deepEqual([withStatus.spec?.replicas, withStatus.status?.replicas, withStatus.metadata.generation], [1, 1, 1]);
    const withSpec = await api.client.update(deployments, { ...withStatus, spec, status: { replicas: 9 } });
    assert.deepEqual([withSpec.spec?.replicas, withSpec.status?.replicas, withSpec.metadata.generation], [5, 1, 2]);
  });

  test(`${name}: a watch shows what follows a list, and ends with its signal`, async () => {
    await using api = await open();
    await api.client.create(configMaps, configMap('a', {}, { watched: 'yes' }));
    const options = { namespace, labelSelector: 'watched=yes' };
    const { resourceVersion } = await api.client.list(configMaps, options);
    const stop = new AbortController();
    const seen = take(api.client.watch(configMaps, { ...options, resourceVersion }, stop.signal), 9);
    const three = take(api.client.watch(configMaps, { ...options, resourceVersion }, stop.signal), 3);
    await api.client.create(configMaps, configMap('other'));
    await api.client.create(configMaps, configMap('b', {}, { watched: 'yes' }));
    await api.client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body: { data: { k: 'v' } } });
    await api.client.delete(configMaps, { namespace, name: 'a' });
    assert.deepEqual(await three, ['ADDED b', 'MODIFIED a', 'DELETED a']);
    stop.abort();
    assert((await seen).length <= 3);
  });

  test(`${name}: finalizers hold an object until the last one is gone`, async () => {
    await using api = await open();
    const key = { namespace, name: 'held' };
    await api.client.create(configMaps, { ...configMap('held'), metadata: { namespace, name: 'held', finalizers: ['example.com/x'] } });
    await api.client.delete(configMaps, key);
    const held = await api.client.get(configMaps, key);
    assert(held.metadata.deletionTimestamp);
    await api.client.update(configMaps, { ...held, metadata: { ...held.metadata, finalizers: [] } });
    await assert.rejects(api.client.get(configMaps, key), { kind: 'notFound' });
    await api.client.create(configMaps, configMap('owner'));
    await api.client.delete(configMaps, { namespace, name: 'owner' }, { propagationPolicy: 'Foreground' });
    const owner = await api.client.get(configMaps, { namespace, name: 'owner' });
    assert.deepEqual(owner.metadata.finalizers, ['foregroundDeletion']);
    await assert.rejects(api.client.delete(configMaps, { namespace, name: 'owner' }, { uid: '00000000-0000-0000-0000-000000000000' }), {
      kind: 'conflict',
    });
  });

  test(`${name}: a bound pod is deleted by its kubelet, in two steps`, async () => {
    await using api = await open();
    await api.client.create(nodes, node);
    await api.client.create(pods, pod);
    const key = { namespace, name: 'web' };
    await api.client.bind(key, 'node-b');
    const bound = await api.client.get(pods, key);
    assert.equal(bound.spec?.nodeName, 'node-b');
    assert(bound.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'True'));
    await assert.rejects(api.client.bind(key, 'node-b'), { kind: 'conflict' });
    await api.client.delete(pods, key);
    const ending = await api.client.get(pods, key);
    assert(ending.metadata.deletionTimestamp);
    assert.equal(ending.metadata.deletionGracePeriodSeconds, 30);
    await api.client.delete(pods, key, { gracePeriodSeconds: 0 });
    await assert.rejects(api.client.get(pods, key), { kind: 'notFound' });
  });
}
