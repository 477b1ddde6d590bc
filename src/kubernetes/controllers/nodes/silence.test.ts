import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Silence } from './silence.ts';

const graceMs = 50_000;

test('a node is as silent as its last heartbeat is old', () => {
  const silence = new Silence(graceMs);
  assert.equal(silence.of('a', '1', 1000), 0);
  assert.equal(silence.of('a', '1', 21_000), 20_000);
  assert.equal(silence.of('a', '2', 31_000), 0);
  assert.equal(silence.of('a', '2', 81_000), graceMs);
  assert.equal(silence.of('a', '2', 500_000), 469_000, 'given up, it stays so, however long nobody looks');
  silence.forget('a');
  assert.equal(silence.of('a', '2', 500_001), 0);
});

test('who did not look when it was time was silent itself: every node starts anew', () => {
  const silence = new Silence(graceMs);
  silence.of('a', '1', 1000);
  silence.of('b', '1', 11_000);
  assert.equal(silence.of('a', '1', 301_000), 0);
  assert.equal(silence.of('b', '1', 302_000), 1000);
  assert.equal(silence.of('b', '1', 351_000), graceMs, 'and is given up when it really says nothing');
});
