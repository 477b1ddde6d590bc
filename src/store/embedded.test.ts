import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after as afterAll, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from './embedded.ts';
import type { Change, Store } from './store.ts';
import { storeSuite } from './store.suite.ts';

const directory = mkdtempSync(join(tmpdir(), 'davit-store-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
const newPath = (): string => join(directory, `${files++}`, 'store.db');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

storeSuite('embedded store', (keep) => openStore({ path: newPath(), retention: keep === undefined ? undefined : { keep, trimAt: keep } }));

async function firstBatch(store: Store, after: number): Promise<readonly Change[]> {
  for await (const batch of store.watch('/', { after }, new AbortController().signal)) return batch;
  return [];
}

test('state, revisions and history are there after closing and opening', async () => {
  const path = newPath();
  {
    await using store = await openStore({ path });
    await store.write([
      { put: '/a', value: bytes('1') },
      { put: '/b', value: bytes('2') },
    ]);
    await store.write([{ put: '/a', value: bytes('3') }]);
    await store.write([{ delete: '/b' }]);
    await store.compact(1);
  }
  await using store = await openStore({ path });
  assert.equal(store.revision, 3);
  const [a] = store.range('/').entries;
  assert.deepEqual([a?.key, a?.createRevision, a?.modRevision, a?.version], ['/a', 1, 2, 2]);
  assert.throws(() => store.range('/', { revision: 0 }), { kind: 'expired' });
  const history = await firstBatch(store, 1);
  assert.deepEqual(
    history.map(({ type, entry, previous }) => [type, entry.key, new TextDecoder().decode(entry.value), previous?.modRevision]),
    [
      ['put', '/a', '3', 1],
      ['delete', '/b', '2', 1],
    ],
  );
});

test('rows that nothing can read any more leave the file', async () => {
  const path = newPath();
  {
    await using store = await openStore({ path, retention: { keep: 10, trimAt: 20 } });
    for (let index = 0; index < 200; index++) await store.write([{ put: `/k${index % 3}`, value: bytes(String(index)) }]);
    await store.write([{ delete: '/k0' }]);
  }
  const database = new DatabaseSync(path);
  const rows = Number(database.prepare('select count(*) as rows from changes').get()?.['rows']);
  database.close();
  assert(rows <= 24, `${rows} rows`);
  await using store = await openStore({ path });
  assert.deepEqual([store.revision, store.range('/').entries.map((entry) => entry.key)], [201, ['/k1', '/k2']]);
});

test('a second process is told that the store is in use', async () => {
  const path = newPath();
  await using store = await openStore({ path });
  await store.write([{ put: '/a', value: bytes('1') }]);
  await assert.rejects(openStore({ path }), { kind: 'unavailable', message: /another davit process is using it/ });
});

test('a write that is too large is refused whole', async () => {
  const path = newPath();
  await using store = await openStore({ path });
  await store.write([{ put: '/a', value: bytes('1') }]);
  const many = Array.from({ length: 5000 }, (_, index) => ({ put: `/many/${index}`, value: bytes('x') }));
  await assert.rejects(store.write(many), { kind: 'invalid' });
  assert.deepEqual([store.revision, store.range('/').entries.length], [1, 1]);
});
