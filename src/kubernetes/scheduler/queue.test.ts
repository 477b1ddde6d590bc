import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podInfo } from './cluster/pod-info.ts';
import { pod } from './cluster.fake.ts';
import { Heap } from './heap.ts';
import { SchedulingQueue } from './queue.ts';

interface Lab {
  readonly queue: SchedulingQueue;
  pass(ms: number): void;
  add(name: string, priority?: number): void;
  take(): string | undefined;
}

function lab(): Lab {
  let now = 0;
  const queue = new SchedulingQueue(() => now);
  return {
    queue,
    pass: (ms) => void (now += ms),
    add: (name, priority = 0) => queue.add(podInfo(pod(name, { priority }))),
    take: () => queue.take()?.info.uid,
  };
}

test('the most important first, then the oldest', () => {
  const { queue: _queue, add, pass, take } = lab();
  add('a');
  pass(1);
  add('b', 10);
  pass(1);
  add('c', 10);
  assert.deepEqual([take(), take(), take(), take()], ['b', 'c', 'a', undefined]);
});

test('a refused pod waits for an event that concerns what refused it, and backs off', () => {
  const { queue, add, pass, take } = lab();
  add('a');
  const taken = queue.take();
  assert(taken);
  queue.refuse(taken, new Set(['NodeResourcesFit']));
  queue.wake((_info, refusedBy) => refusedBy.has('NodePorts'));
  pass(10_000);
  queue.tick();
  assert.equal(take(), undefined);
  queue.wake((_info, refusedBy) => refusedBy.has('NodeResourcesFit'));
  queue.tick();
  const again = queue.take();
  assert(again);
  queue.refuse(again, new Set(['NodeResourcesFit']));
  queue.wake(() => true);
  assert.equal(queue.tick(), 2000);
  add('b');
  assert.equal(take(), 'b', 'those who are ready go before one that backs off');
  assert.equal(take(), 'a', 'which need not wait when nobody is ready');
});

test('after its pause a pod is ready like the others', () => {
  const { queue, add, pass } = lab();
  add('a');
  const taken = queue.take();
  assert(taken);
  queue.refuse(taken, new Set(['NodeResourcesFit']));
  queue.wake(() => true);
  assert.equal(queue.sizes.backingOff, 1);
  pass(1000);
  queue.tick();
  assert.deepEqual(queue.sizes, { ready: 1, waiting: 0, backingOff: 0 });
});

test('after an error the pause is kept', () => {
  const { queue, add, pass, take } = lab();
  add('a');
  const taken = queue.take();
  assert(taken);
  queue.fail(taken);
  assert.equal(take(), undefined);
  pass(1000);
  queue.tick();
  assert.equal(take(), 'a');
});

test('nobody is forgotten: after five minutes a pod is tried without an event', () => {
  const { queue, add, pass, take } = lab();
  add('a');
  const taken = queue.take();
  assert(taken);
  queue.refuse(taken, new Set(['NodeResourcesFit']));
  assert.equal(queue.tick(), 301_000);
  pass(301_000);
  queue.tick();
  assert.equal(take(), 'a');
});

test('a pod that is gone is not handed out', () => {
  const { queue, add, take } = lab();
  add('a');
  queue.remove('a');
  assert.equal(take(), undefined);
  assert.equal(queue.has('a'), false);
});

test('a heap gives its items in order', () => {
  const heap = new Heap<number>((a, b) => a < b);
  for (const item of [5, 3, 8, 1, 9, 2, 7]) heap.push(item);
  assert.deepEqual(
    Array.from({ length: 8 }, () => heap.pop()),
    [1, 2, 3, 5, 7, 8, 9, undefined],
  );
});
