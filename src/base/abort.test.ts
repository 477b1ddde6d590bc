import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abortable, delay } from './abort.ts';

test('an aborted wait leaves no rejection behind that nobody handles', async () => {
  const failed = Promise.reject(new Error('the work failed too'));
  await assert.rejects(abortable(failed, AbortSignal.abort()), { kind: 'canceled' });
  // An unhandled rejection is reported once the microtasks are done.
  await new Promise((resolve) => setImmediate(resolve));
});

test('settles with the promise, or at once when aborted', async () => {
  const controller = new AbortController();
  assert.equal(await abortable(Promise.resolve(1), controller.signal), 1);
  const waiting = abortable(new Promise(() => undefined), controller.signal);
  const sleeping = delay(60_000, controller.signal);
  controller.abort();
  await assert.rejects(waiting, { kind: 'canceled' });
  await assert.rejects(sleeping, { kind: 'canceled' });
});
