import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedRun } from './shared-run.ts';

test('who asks while a run goes on gets the next one, together', async () => {
  const reads: PromiseWithResolvers<number>[] = [];
  const shared = new SharedRun(() => {
    const read = Promise.withResolvers<number>();
    reads.push(read);
    return read.promise;
  });
  const first = shared.run();
  const later = [shared.run(), shared.run()];
  assert.equal(reads.length, 1);
  reads[0]?.resolve(1);
  assert.equal(await first, 1);
  await new Promise(setImmediate);
  assert.equal(reads.length, 2);
  reads[1]?.reject(new Error('lost'));
  for (const read of later) await assert.rejects(read, /lost/);
  const after = shared.run();
  reads[2]?.resolve(3);
  assert.equal(await after, 3);
});
