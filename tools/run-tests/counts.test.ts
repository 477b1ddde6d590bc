import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, none, sum } from './counts.ts';

const summary = (pass: number, fail: number, cancelled: number, skipped: number, todo: number): string =>
  `✔ a test (1ms)\nℹ tests 9\nℹ suites 0\nℹ pass ${pass}\nℹ fail ${fail}\nℹ cancelled ${cancelled}\nℹ skipped ${skipped}\nℹ todo ${todo}\nℹ duration_ms 3.4\n`;

test('counts come from the summary; cancelled counts as failed, todo as skipped', () => {
  assert.deepEqual(countsOf(summary(5, 1, 2, 3, 4)), { passed: 5, failed: 3, skipped: 7 });
});

test('a run that ended before its summary has no counts', () => {
  assert.equal(countsOf('✔ a test (1ms)\n'), undefined);
});

test('what a test prints does not count', () => {
  assert.deepEqual(countsOf(`# ℹ pass 99\n${summary(1, 0, 0, 0, 0)}`), { passed: 1, failed: 0, skipped: 0 });
});

test('counts add up', () => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  assert.deepEqual(sum(none, one), one);
  assert.deepEqual(sum(one, one), { passed: 2, failed: 4, skipped: 6 });
});
