import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps } from '../../api/kubernetes/kinds.ts';
import type { ConfigMap } from '../../api/kubernetes/types.generated.ts';
import { FakeClient } from './client.fake.ts';
import { informer, type Informer } from './informer.ts';

const namespace = 'default';
const backoff = { initialMs: 1, maxMs: 4 };

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

/** What the informer tells, as text; `until` waits for a line. */
function story(from: Informer<ConfigMap>): { readonly lines: string[]; until(line: string): Promise<void> } {
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  from.onChange(({ type, object, previous }) => {
    const line = `${type} ${object.metadata.name} ${previous?.data?.['k'] ?? '-'}→${object.data?.['k'] ?? '-'}`;
    lines.push(line);
    waiting.get(line)?.();
  });
  return { lines, until: (line) => (lines.includes(line) ? Promise.resolve() : new Promise((resolve) => waiting.set(line, resolve))) };
}

test('lists, then follows, in order', async () => {
  const client = new FakeClient();
  await client.create(configMaps, configMap('b', { k: '1' }));
  await client.create(configMaps, configMap('a', { k: '1' }));
  await using from = informer(client, configMaps, { indexers: { byK: (object) => [object.data?.['k'] ?? ''] } });
  await from.synced;
  const { lines, until } = story(from);
  assert.deepEqual(
    from.list().map(({ metadata }) => metadata.name),
    ['a', 'b'],
  );
  await client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body: { data: { k: '2' } } });
  await client.delete(configMaps, { namespace, name: 'b' });
  await until('deleted b 1→1');
  assert.deepEqual(lines, ['added a -→1', 'added b -→1', 'updated a 1→2', 'deleted b 1→1']);
  assert.deepEqual(
    from.byIndex('byK', '2').map(({ metadata }) => metadata.name),
    ['a'],
  );
  assert.deepEqual(from.byIndex('byK', '1'), []);
});

test('a lost connection loses nothing', async () => {
  const client = new FakeClient();
  await using from = informer(client, configMaps, { backoff });
  await from.synced;
  const { lines, until } = story(from);
  await client.create(configMaps, configMap('a', { k: '1' }));
  await until('added a -→1');
  client.disconnect();
  await client.patch(configMaps, { namespace, name: 'a' }, { type: 'merge', body: { data: { k: '2' } } });
  await client.delete(configMaps, { namespace, name: 'a' });
  await client.create(configMaps, configMap('c', { k: '3' }));
  await until('added c -→3');
  assert.deepEqual(lines, ['added a -→1', 'updated a 1→2', 'deleted a 2→2', 'added c -→3']);
});

test('forgotten history: lists again and tells the difference', async () => {
  const client = new FakeClient();
  await using from = informer(client, configMaps, { backoff });
  await from.synced;
  const { lines, until } = story(from);
  for (const name of ['a', 'b', 'c']) await client.create(configMaps, configMap(name, { k: '1' }));
  await until('added c -→1');
  client.disconnect();
  await client.delete(configMaps, { namespace, name: 'a' });
  await client.delete(configMaps, { namespace, name: 'b' });
  await client.create(configMaps, configMap('b', { k: '9' }));
  await client.create(configMaps, configMap('d', { k: '1' }));
  client.expire();
  await until('added d -→1');
  assert.deepEqual(lines.slice(3), ['deleted a 1→1', 'deleted b 1→1', 'added b -→9', 'added d -→1']);
});

test('disposing ends it', async () => {
  const client = new FakeClient();
  const from = informer(client, configMaps, { backoff });
  await from.synced;
  await from[Symbol.asyncDispose]();
  await client.create(configMaps, configMap('a'));
  assert.deepEqual(from.list(), []);
});
