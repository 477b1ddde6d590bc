import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podTotals, usageBetween, type Counters } from './usage.ts';

const counters = (name: string, at: number, cpuNs: number, memory = 1000): Counters => ({ name, at, cpuNs, memory });
const pod = (name: string, ...containers: readonly Counters[]) => ({ namespace: 'n', name, uid: `uid-${name}`, containers });

test('rates between two readings, each over its own time', () => {
  const before = { at: 1000, nodes: [counters('one', 1000, 5e9)], pods: [pod('web', counters('a', 1000, 1e9), counters('b', 1010, 0))] };
  const after = {
    at: 3000,
    nodes: [counters('one', 3000, 8e9, 7)],
    pods: [pod('web', counters('a', 3000, 2e9), counters('b', 3010, 5e8, 20))],
  };
  const usage = usageBetween(before, after);
  assert.equal(usage.windowMs, 2000);
  assert.deepEqual(usage.nodes.get('one'), { cpu: 1.5, memory: 7 });
  assert.deepEqual(
    [...(usage.pods.get('n/web') ?? [])],
    [
      ['a', { cpu: 0.5, memory: 1000 }],
      ['b', { cpu: 0.25, memory: 20 }],
    ],
  );
  assert.deepEqual([...podTotals(usage)], [['n/web', { cpu: 0.75, memory: 1020 }]]);
});

test('what is new, was restarted or was not read anew has no rate', () => {
  const before = {
    at: 0,
    nodes: [],
    pods: [pod('restarted', counters('a', 0, 9e9)), pod('same', counters('a', 0, 1)), pod('half', counters('a', 0, 1))],
  };
  const after = {
    at: 1000,
    nodes: [counters('new', 1000, 1)],
    pods: [
      pod('restarted', counters('a', 1000, 1)),
      pod('same', counters('a', 0, 1)),
      pod('half', counters('a', 1000, 2), counters('b', 1000, 2)),
      pod('new', counters('a', 1000, 1)),
    ],
  };
  const usage = usageBetween(before, after);
  assert.deepEqual([usage.nodes.size, usage.pods.size], [0, 0]);
});
