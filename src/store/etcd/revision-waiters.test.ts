import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RevisionWaiters } from './revision-waiters.ts';

test('who waits for a revision goes on when it, or one beyond it, is reached', async () => {
  const waiters = new RevisionWaiters();
  const log: number[] = [];
  const waits = [5, 6, 6, 9, 2_000].map((revision) => waiters.wait(revision, 10_000).then(() => log.push(revision)));
  waiters.reached(4);
  await new Promise(setImmediate);
  assert.deepEqual(log, []);
  waiters.reached(6);
  await new Promise(setImmediate);
  assert.deepEqual(log, [5, 6, 6]);
  waiters.reached(1_000_000);
  await Promise.all(waits);
  assert.deepEqual(log, [5, 6, 6, 9, 2_000]);
});

test('who waits too long, or on a store that is closed, is refused', async () => {
  const waiters = new RevisionWaiters();
  const late = assert.rejects(waiters.wait(5, 10), { kind: 'unavailable', message: /has not sent revision 5 in time/ });
  const closed = assert.rejects(waiters.wait(6, 10_000), { message: 'closed' });
  await late;
  waiters.fail(new Error('closed'));
  await closed;
});
