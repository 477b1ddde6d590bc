import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyOrder } from './key-order.ts';
import { SharedRead } from './shared-read.ts';

test('who asks while a read runs gets the next one, together', async () => {
  const reads: PromiseWithResolvers<number>[] = [];
  const shared = new SharedRead(() => {
    const read = Promise.withResolvers<number>();
    reads.push(read);
    return read.promise;
  });
  const first = shared.read();
  const later = [shared.read(), shared.read()];
  assert.equal(reads.length, 1);
  reads[0]?.resolve(1);
  assert.equal(await first, 1);
  await new Promise(setImmediate);
  assert.equal(reads.length, 2);
  reads[1]?.reject(new Error('lost'));
  for (const read of later) await assert.rejects(read, /lost/);
  const after = shared.read();
  reads[2]?.resolve(3);
  assert.equal(await after, 3);
});

test('actions on a key run in the order of the calls, others at the same time, also after a failure', async () => {
  const order = new KeyOrder();
  const log: string[] = [];
  const gates = ['a', 'ab', 'b', 'c'].map((name) => ({ name, gate: Promise.withResolvers<void>() }));
  const all = gates.map(({ name, gate }) =>
    order
      .run([...name], async () => {
        log.push(name);
        await gate.promise;
      })
      .catch(() => undefined),
  );
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a', 'c']);
  gates[0]?.gate.reject(new Error('no'));
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a', 'c', 'ab']);
  for (const { gate } of gates.slice(1)) gate.resolve();
  await Promise.all(all);
  assert.deepEqual(log, ['a', 'c', 'ab', 'b']);
});
