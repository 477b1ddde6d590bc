import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityNames } from '../../kernel/capabilities.ts';
import { defaultCapabilities, resolveCapabilities } from './capabilities.ts';
import { signalNumber } from './signals.ts';

const everything = new Set(capabilityNames);

test('Docker’s fourteen by default', () => {
  const names = resolveCapabilities({}, everything);
  assert.equal(names.length, 14);
  assert.deepEqual([...names].sort(), [...defaultCapabilities].sort());
});

test('add, drop, ALL and privileged', () => {
  assert.ok(resolveCapabilities({ add: ['net_admin'] }, everything).includes('CAP_NET_ADMIN'));
  assert.deepEqual(resolveCapabilities({ drop: ['ALL'], add: ['CAP_NET_BIND_SERVICE'] }, everything), ['CAP_NET_BIND_SERVICE']);
  assert.equal(resolveCapabilities({ add: ['ALL'], drop: ['SYS_ADMIN'] }, everything).length, capabilityNames.length - 1);
  assert.equal(resolveCapabilities({ privileged: true }, everything).length, capabilityNames.length);
  assert.throws(() => resolveCapabilities({ add: ['NOPE'] }, everything), /unknown capability: "CAP_NOPE"/);
});

test('never more than the host can give', () => {
  const bounding = new Set(capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE'));
  assert.ok(!resolveCapabilities({ privileged: true }, bounding).includes('CAP_SYS_RESOURCE'));
});

test('signals by name, number and realtime offset', () => {
  assert.equal(signalNumber('SIGTERM'), 15);
  assert.equal(signalNumber('kill'), 9);
  assert.equal(signalNumber('28'), 28);
  assert.equal(signalNumber('SIGRTMIN+3'), 37);
  assert.throws(() => signalNumber('SIGNOPE'), /invalid signal: SIGNOPE/);
});
