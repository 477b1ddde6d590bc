import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountCalls } from './mount-options.ts';
import { parseMountInfo } from './mountinfo.ts';

test('flags and file system data are told apart', () => {
  const calls = mountCalls(['ro', 'nosuid', 'size=64m', 'mode=755', 'rw']);
  assert.equal(calls.flags, 1 | 2);
  assert.equal(calls.data, 'size=64m,mode=755');
  assert.equal(calls.attributes, undefined);
});

test('the flags of a bind mount are set after it, on the whole tree when it is recursive', () => {
  const calls = mountCalls(['rbind', 'ro', 'noexec', 'rslave']);
  assert.equal(calls.flags, 4096 | 16384);
  assert.deepEqual(calls.attributes, { set: 0x1 | 0x8, clear: 0 });
  assert.equal(calls.propagation, (1 << 19) | 16384);
  assert.ok(calls.isRecursive);
});

test('a propagation alone mounts nothing', () => {
  assert.ok(mountCalls(['rprivate']).isPropagationOnly);
  assert.ok(!mountCalls(['bind', 'rprivate']).isPropagationOnly);
});

test('a line of mountinfo with optional fields and escapes', () => {
  const [mount] = parseMountInfo('36 35 98:0 /root\\040dir /mnt\\134x rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n');
  assert.deepEqual(mount, {
    id: 36,
    type: 'ext3',
    source: '/dev/root',
    target: '/mnt\\x',
    root: '/root dir',
    propagation: ['shared:1', 'master:2'],
    options: ['rw', 'noatime', 'errors=continue'],
  });
});
