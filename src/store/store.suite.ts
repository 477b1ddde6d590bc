import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKind, KindError } from '../base/errors.ts';
import type { Change, Store } from './store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const keysOf = (store: Store, prefix: string): string[] => store.range(prefix).entries.map((entry) => entry.key);
const put = (store: Store, key: string, value = key, ifRevision?: number): Promise<{ revision: number }> =>
  store.write([{ put: key, value: bytes(value), ifRevision }]);

/** `put /a@3`: a put of /a, three revisions after the store was opened. */
async function take(changes: AsyncIterable<readonly Change[]>, count: number, opened: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of changes) {
    for (const { type, entry } of batch) seen.push(`${type} ${entry.key}@${entry.modRevision - opened}`);
    if (seen.length >= count) break;
  }
  return seen;
}

/** The contract of Store. `open` makes an empty store that trims its history to `keep` changes; its first revision may be any. */
export function storeSuite(name: string, open: (keep?: number) => Promise<Store>): void {
  writes(name, open);
  reads(name, open);
  watches(name, open);
  compaction(name, open);
}

function writes(name: string, open: () => Promise<Store>): void {
  test(`${name}: each write gets the next revision`, async () => {
    await using store = await open();
    const opened = store.revision;
    assert.equal((await put(store, '/a')).revision, opened + 1);
    assert.equal((await put(store, '/b')).revision, opened + 2);
    assert.equal((await put(store, '/a', 'new')).revision, opened + 3);
    const entry = store.get('/a');
    assert.deepEqual([entry?.createRevision, entry?.modRevision, entry?.version, text(entry?.value)], [opened + 1, opened + 3, 2, 'new']);
    assert.equal(store.get('/c'), undefined);
  });

  test(`${name}: a failed condition writes nothing and says what it found`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/a', 'one', 0);
    await assert.rejects(
      store.write([
        { put: '/b', value: bytes('x') },
        { delete: '/a', ifRevision: opened + 7 },
      ]),
      (error) => {
        assert(error instanceof KindError && error.kind === 'conflict');
        assert.deepEqual(error.details, { key: '/a', wanted: opened + 7, actual: opened + 1 });
        return true;
      },
    );
    await assert.rejects(put(store, '/a', 'two', 0), { kind: 'conflict' });
    assert.deepEqual([store.revision, keysOf(store, '/')], [opened + 1, ['/a']]);
    await assert.rejects(store.write([{ delete: '/a' }, { delete: '/a' }]), { kind: 'invalid' });
  });

  test(`${name}: concurrent writers of one key are ordered, and a loser reads the winner`, async () => {
    await using store = await open();
    const opened = store.revision;
    const winner = put(store, '/a', 'winner', 0);
    assert.equal(store.get('/a'), undefined, 'not visible before it is durable');
    await assert.rejects(put(store, '/a', 'loser', 0), { kind: 'conflict' });
    assert.equal(text(store.get('/a')?.value), 'winner');
    await winner;
    const chain = [1, 2, 3].map((revision) => put(store, '/a', `after ${revision}`, opened + revision));
    assert.deepEqual(
      (await Promise.all(chain)).map((result) => result.revision - opened),
      [2, 3, 4],
    );
    const increments = Array.from({ length: 50 }, () => increment(store, '/n'));
    await Promise.all(increments);
    assert.equal(text(store.get('/n')?.value), '50');
  });

  test(`${name}: several operations are one revision; a delete returns what it removed`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/a');
    const { revision, entries } = await store.write([{ put: '/b', value: bytes('b') }, { delete: '/a' }, { delete: '/none' }]);
    assert.equal(revision, opened + 2);
    assert.deepEqual(
      entries.map((entry) => entry?.modRevision),
      [opened + 2, opened + 1, undefined],
    );
    assert.deepEqual(keysOf(store, '/'), ['/b']);
    assert.equal((await store.write([{ delete: '/none' }])).revision, opened + 2, 'nothing deleted, nothing written');
    await put(store, '/a');
    assert.deepEqual([store.get('/a')?.createRevision, store.get('/a')?.version], [opened + 3, 1], 'a new life');
  });
}

async function increment(store: Store, key: string): Promise<void> {
  for (;;) {
    const entry = store.get(key);
    try {
      await put(store, key, String(Number(text(entry?.value) ?? 0) + 1), entry?.modRevision ?? 0);
      return;
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error;
    }
  }
}

function reads(name: string, open: () => Promise<Store>): void {
  test(`${name}: ranges are in order, in pages`, async () => {
    await using store = await open();
    const opened = store.revision;
    for (const key of ['/p/c', '/p/a', '/q/z', '/p/b', '/p/d', '/o']) await put(store, key);
    assert.deepEqual(keysOf(store, '/p/'), ['/p/a', '/p/b', '/p/c', '/p/d']);
    const first = store.range('/p/', { limit: 3 });
    assert.deepEqual([first.entries.length, first.remaining, first.revision], [3, 1, opened + 6]);
    const rest = store.range('/p/', { limit: 3, after: first.entries.at(-1)?.key });
    assert.deepEqual([rest.entries.map((entry) => entry.key), rest.remaining], [['/p/d'], 0]);
  });

  test(`${name}: the past can be read, also in pages`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/a', '1');
    await put(store, '/c', '1');
    await put(store, '/a', '2');
    await store.write([{ delete: '/c' }, { put: '/b', value: bytes('b') }]);
    const at = (revision: number): string[] =>
      store.range('/', { revision: opened + revision }).entries.map((entry) => `${entry.key}=${text(entry.value)}`);
    assert.deepEqual(at(1), ['/a=1']);
    assert.deepEqual(at(2), ['/a=1', '/c=1']);
    assert.deepEqual(at(3), ['/a=2', '/c=1']);
    assert.deepEqual(at(4), ['/a=2', '/b=b']);
    assert.deepEqual(
      store.range('/', { revision: opened + 3, after: '/a', limit: 1 }).entries.map((entry) => entry.key),
      ['/c'],
    );
    assert.throws(() => store.range('/', { revision: opened + 5 }), { kind: 'invalid' });
  });
}

function watches(name: string, open: (keep?: number) => Promise<Store>): void {
  test(`${name}: a watch from any revision sees every later change of its prefix once, in order`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/p/a');
    await put(store, '/q');
    await put(store, '/p/b');
    const signal = new AbortController().signal;
    const all = take(store.watch('/p/', { after: opened }, signal), 4, opened);
    const late = take(store.watch('/p/', { after: opened + 1 }, signal), 3, opened);
    const other = take(store.watch('/q', { after: opened + 2 }, signal), 1, opened);
    await put(store, '/p/a');
    await store.write([{ delete: '/p/b' }, { delete: '/q' }]);
    assert.deepEqual(await all, ['put /p/a@1', 'put /p/b@3', 'put /p/a@4', 'delete /p/b@5']);
    assert.deepEqual(await late, ['put /p/b@3', 'put /p/a@4', 'delete /p/b@5']);
    assert.deepEqual(await other, ['delete /q@5']);
  });

  test(`${name}: a change carries what was before; a delete the last value`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/a', 'one');
    await put(store, '/a', 'two');
    await store.write([{ delete: '/a' }]);
    const changes: Change[] = [];
    for await (const batch of store.watch('/', { after: opened }, new AbortController().signal)) {
      changes.push(...batch);
      if (changes.length === 3) break;
    }
    assert.deepEqual(
      changes.map((change) => [change.type, text(change.entry.value), change.entry.modRevision - opened]),
      [
        ['put', 'one', 1],
        ['put', 'two', 2],
        ['delete', 'two', 3],
      ],
    );
    assert.deepEqual(
      changes.map((change) => text(change.previous?.value)),
      [undefined, 'one', 'two'],
    );
  });

  test(`${name}: changes after a revision, without a watch`, async () => {
    await using store = await open();
    const opened = store.revision;
    await put(store, '/a/1');
    await put(store, '/b');
    await put(store, '/a/1', 'new');
    const told = store.changesAfter(opened + 1, '/a/').map(({ type, entry, previous }) => [type, entry.key, text(previous?.value)]);
    assert.deepEqual(told, [['put', '/a/1', '/a/1']]);
    assert.deepEqual(store.changesAfter(store.revision, '/'), []);
  });

  test(`${name}: a watch ends when its signal aborts`, async () => {
    await using store = await open();
    const opened = store.revision;
    const controller = new AbortController();
    const ended = take(store.watch('/', { after: opened }, controller.signal), 9, opened);
    await put(store, '/a');
    controller.abort();
    assert.deepEqual(await ended, ['put /a@1']);
  });

  test(`${name}: a slow watcher holds nobody up, and expires when history has moved on`, async () => {
    await using store = await open(20);
    const opened = store.revision;
    const slow = store.watch('/', { after: opened }, new AbortController().signal)[Symbol.asyncIterator]();
    await put(store, '/first');
    await slow.next();
    const quick = take(store.watch('/', { after: opened + 1 }, new AbortController().signal), 100, opened);
    for (let index = 0; index < 100; index++) await put(store, `/k${index}`);
    assert.equal((await quick).length, 100);
    await assert.rejects(Promise.resolve(slow.next()), { kind: 'expired' });
  });

  test(`${name}: a watch of a quiet prefix does not expire`, async () => {
    await using store = await open(20);
    const opened = store.revision;
    const quiet = take(store.watch('/quiet', { after: opened }, new AbortController().signal), 1, opened);
    for (let index = 0; index < 100; index++) await put(store, `/k${index}`);
    await put(store, '/quiet');
    assert.deepEqual(await quiet, ['put /quiet@101']);
  });
}

function compaction(name: string, open: () => Promise<Store>): void {
  test(`${name}: compacted history is expired, what is newest stays`, async () => {
    await using store = await open();
    const opened = store.revision;
    for (const key of ['/a', '/b', '/a', '/c']) await put(store, key);
    await store.compact(opened + 3);
    assert.throws(() => store.range('/', { revision: opened + 2 }), { kind: 'expired' });
    assert.deepEqual(
      store.range('/', { revision: opened + 3 }).entries.map((entry) => entry.key),
      ['/a', '/b'],
    );
    assert.deepEqual(keysOf(store, '/'), ['/a', '/b', '/c']);
    const signal = new AbortController().signal;
    await assert.rejects(take(store.watch('/', { after: opened + 2 }, signal), 1, opened), { kind: 'expired' });
    assert.deepEqual(await take(store.watch('/', { after: opened + 3 }, signal), 1, opened), ['put /c@4']);
  });
}
