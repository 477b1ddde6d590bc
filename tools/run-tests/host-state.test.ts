import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostState, isRule, leftBehind } from './host-state.ts';

test('only what came is named, in order', () => {
  const before = new Set(['link eth0', 'mount /tmp/old']);
  assert.deepEqual(leftBehind(before, new Set(['mount /tmp/b', 'link eth0', 'mount /tmp/a'])), ['mount /tmp/a', 'mount /tmp/b']);
});

test('this machine has a loopback link, and nothing came in between', () => {
  assert.ok(hostState().has('link lo'));
});

test('a built-in chain that accepts everything is no rule; a policy that drops, a chain of its own and a rule are', () => {
  assert.equal(isRule(':FORWARD ACCEPT [12:340]'), false);
  for (const line of [':FORWARD DROP [0:0]', ':DOCKER - [0:0]', '-A FORWARD -j DOCKER']) assert.equal(isRule(line), true, line);
});
