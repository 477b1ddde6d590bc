import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostState, leftBehind } from './host-state.ts';

test('only what came is named, in order', () => {
  const before = new Set(['link eth0', 'mount /tmp/old']);
  assert.deepEqual(leftBehind(before, new Set(['mount /tmp/b', 'link eth0', 'mount /tmp/a'])), ['mount /tmp/a', 'mount /tmp/b']);
});

test('this machine has a loopback link, and nothing came in between', () => {
  assert.ok(hostState().has('link lo'));
});
