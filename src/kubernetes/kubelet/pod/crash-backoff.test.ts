import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, nextRestart, type CrashBackoff } from './crash-backoff.ts';

const at = (seconds: number): Date => new Date(seconds * 1000);

test('restarts: at once, then 10 s, 20 s … at most 5 min after each end', () => {
  let entry: CrashBackoff | undefined;
  let time = 0;
  const waits: number[] = [];
  for (let round = 0; round < 8; round++) {
    const end = at(time);
    const first = nextRestart(entry, end, end);
    const wait = 'waitMs' in first ? first.waitMs / 1000 : 0;
    waits.push(wait);
    const next = nextRestart(entry, end, at(time + wait));
    assert('entry' in next);
    entry = next.entry;
    time += wait + 1;
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
});

test('a container that ran for more than ten minutes starts afresh', () => {
  const next = nextRestart({ durationMs: 300_000, updatedAt: at(0) }, at(601), at(601));
  assert.deepEqual(next, { entry: { durationMs: 10_000, updatedAt: at(601) } });
});

test('durations read as in Go', () => {
  assert.deepEqual([10_000, 160_000, 300_000].map(goDuration), ['10s', '2m40s', '5m0s']);
});
