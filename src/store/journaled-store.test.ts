import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindError } from '../base/errors.ts';
import { type Journal, NothingWritten } from './journal.ts';
import { JournaledStore } from './journaled-store.ts';
import type { Change } from './store.ts';

/** A disk that writes when told, in order, and can break. */
function slowJournal(): Journal & { write(): void; break(): void; runFull(): void } {
  const waiting: PromiseWithResolvers<void>[] = [];
  return {
    append(_changes: readonly Change[]) {
      const request = Promise.withResolvers<void>();
      waiting.push(request);
      return request.promise;
    },
    forget: async () => undefined,
    close: async () => undefined,
    write: () => waiting.shift()?.resolve(),
    runFull: () => waiting.splice(0).forEach(({ reject }) => reject(new NothingWritten(new KindError('unavailable', 'the disk is full')))),
    break: () => waiting.splice(0).forEach(({ reject }) => reject(new Error('disk I/O error'))),
  };
}

const value = new Uint8Array([1]);

test('nothing is readable before it is durable, not even by who waits for it', async () => {
  const journal = slowJournal();
  await using store = new JournaledStore(journal);
  const first = store.write([{ put: '/a', value }]);
  const second = store.write([{ put: '/a', value, ifRevision: 1 }]);
  const loser = store.write([{ put: '/a', value, ifRevision: 1 }]);
  const lost = assert.rejects(loser, { kind: 'conflict', details: { key: '/a', wanted: 1, actual: 2 } });
  assert.deepEqual([store.revision, store.get('/a')], [0, undefined]);
  journal.write();
  await first;
  assert.deepEqual([store.revision, store.get('/a')?.version], [1, 1]);
  journal.write();
  await second;
  await lost;
  assert.deepEqual([store.revision, store.get('/a')?.version], [2, 2]);
});

test('when the disk fails, what waits is refused, nothing of it is shown, and nothing more is accepted', async () => {
  const journal = slowJournal();
  await using store = new JournaledStore(journal);
  const kept = store.write([{ put: '/kept', value }]);
  journal.write();
  await kept;
  const [first, second] = [store.write([{ put: '/a', value }]), store.write([{ delete: '/kept' }])];
  const refused = Promise.all([first, second].map((one) => assert.rejects(one, { kind: 'internal', message: /disk I\/O error/ })));
  journal.break();
  await refused;
  assert.deepEqual(
    store.range('/').entries.map(({ key }) => key),
    ['/kept'],
  );
  await assert.rejects(store.write([{ put: '/b', value }]), { message: /accepts no more until davit is restarted/ });
});

test('when the disk is full, what waits is refused as never written, and writing goes on with the same revisions', async () => {
  const journal = slowJournal();
  await using store = new JournaledStore(journal);
  const [first, second, loser] = [
    store.write([{ put: '/a', value }]),
    store.write([{ put: '/a', value, ifRevision: 1 }]),
    store.write([{ put: '/a', value, ifRevision: 0 }]),
  ];
  // The third would conflict with the first, which never happened.
  const refused = [first, second, loser].map((write) => assert.rejects(write, { kind: 'unavailable', message: /the disk is full/ }));
  // Whoever is refused may try again at once.
  const again = first.catch(() => store.write([{ put: '/a', value, ifRevision: 0 }]));
  journal.runFull();
  await Promise.all(refused);
  assert.deepEqual([store.revision, store.get('/a')], [0, undefined]);
  journal.write();
  assert.equal((await again).revision, 1);
  const next = store.write([{ put: '/a', value, ifRevision: 1 }]);
  journal.write();
  assert.equal((await next).revision, 2);
});
