import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownGroupFile } from './cgroup-entry.ts';
import type { MountPoint } from './mounts.ts';

const mount = (type: string, target: string, ...options: string[]): MountPoint => ({
  id: 1,
  propagation: [],
  source: type,
  target,
  type,
  root: '/',
  options,
});
const pids = mount('cgroup', '/sys/fs/cgroup/pids', 'rw', 'pids');
const unified = mount('cgroup2', '/sys/fs/cgroup/unified', 'rw');

test('the file of the group that a process is in', () => {
  assert.equal(ownGroupFile('4:pids:/a/b\n0::/c\n', [unified, pids]), '/sys/fs/cgroup/pids/a/b/cgroup.procs');
  assert.equal(ownGroupFile('0::/c\n', [unified]), '/sys/fs/cgroup/unified/c/cgroup.procs');
  assert.equal(ownGroupFile('4:pids:/docker/1/x\n', [{ ...pids, root: '/docker/1' }]), '/sys/fs/cgroup/pids/x/cgroup.procs');
});

test('groups that cannot be seen from here are passed over', () => {
  assert.equal(ownGroupFile('5:memory:/a\n4:pids:/../outside\n0::/c\n', [unified, pids]), '/sys/fs/cgroup/unified/c/cgroup.procs');
  assert.equal(ownGroupFile('4:pids:/../outside\n', [pids]), undefined);
  assert.equal(ownGroupFile('', [pids, unified]), undefined);
});
