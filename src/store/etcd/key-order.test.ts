import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyOrder } from './key-order.ts';

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
