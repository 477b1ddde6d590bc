/** Ways out of a container that were found in others, tried in this one. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import { findProgram } from '../../kernel/processes.linux.ts';

let lab: EngineLab;

before(async () => {
  lab = await EngineLab.open('esc');
});

after(() => lab[Symbol.asyncDispose]());

test('the runtime’s binary cannot be written through /proc/<pid>/exe of what enters the container (CVE-2019-5736)', async () => {
  const runtime = findProgram('runc');
  const before_ = statSync(runtime);
  const script =
    'while :; do for p in /proc/[0-9]*; do exe=$(readlink $p/exe); case "$exe" in *runc*|*memfd*) echo seen >> /tmp/seen; (echo overwritten > $p/exe) 2>> /tmp/errors && echo WRITTEN >> /tmp/written;; esac; done; done';
  await lab.start('attacker', script);
  for (let round = 0; round < 10; round += 1) await lab.exec('attacker', 'true');
  const { output } = await lab.exec('attacker', 'cat /tmp/written 2>/dev/null; true');
  await lab.engine.containers.remove('attacker', { force: true, volumes: true });
  const after_ = statSync(runtime);
  assert.equal(output, '');
  assert.deepEqual([after_.size, after_.mtimeMs, after_.ino], [before_.size, before_.mtimeMs, before_.ino]);
});

test('no descriptor of the host is left open in a container, and none is a working directory (CVE-2024-21626)', async () => {
  for (let fd = 3; fd < 12; fd += 1) {
    const workingDirectory = `/proc/self/fd/${fd}`;
    const { output } = await lab
      .run('ls ../../../../../etc/shadow 2>&1; pwd -P', { workingDirectory })
      .catch((error: Error) => ({ output: error.message }));
    assert.doesNotMatch(output, /^(\.\.\/)+etc\/shadow$/m, workingDirectory);
  }
  const { output } = await lab.run('ls -l /proc/self/fd 2>/dev/null | grep -v -E "pipe:|/dev/null|/proc/" | grep -c " -> /" ; true');
  assert.equal(output.trim(), '0');
  await lab.start('inside', 'sleep 100');
  const listed = await lab.exec(
    'inside',
    'ls -l /proc/self/fd 2>/dev/null | grep -v -E "pipe:|socket:|/dev/null|/proc/" | grep " -> /"; true',
  );
  assert.equal(listed.output, '');
  await lab.engine.containers.remove('inside', { force: true, volumes: true });
});

test('the kernel’s switches are out of reach: /proc, /sys, devices, mounts, modules, the host’s processes', async () => {
  const attempts = [
    'echo x > /proc/sys/kernel/core_pattern',
    'echo c > /proc/sysrq-trigger',
    'echo x > /sys/kernel/uevent_helper',
    'echo 1 > /proc/sys/vm/drop_caches',
    'mkdir /sys/fs/cgroup/memory/escape',
    'echo 1 > /sys/fs/cgroup/memory/notify_on_release',
    'mount -t proc proc /tmp',
    'mount -o remount,rw /proc/sys',
    'mknod /tmp/disk b 254 0 && dd if=/tmp/disk of=/dev/null count=1',
    'cat /proc/kcore | head -c 1 | grep -q .',
    'cat /proc/keys | grep -q .',
    'ls /proc/1/root/../../../../proc/1/task | grep -q nothing-there',
    'unshare -m true',
    'chroot /proc/1/root true && nsenter -t 1 -m -p true && false',
  ];
  for (const attempt of attempts) {
    const { exitCode, output } = await lab.run(attempt);
    assert.notEqual(exitCode, 0, `${attempt}: ${output}`);
  }
});

test('files copied in land inside the container, whatever its symlinks say and while they change', async () => {
  const outside = join(lab.folder, 'outside');
  mkdirSync(outside);
  const { mountpoint } = await lab.engine.volumes.create({ name: 'racy' });
  symlinkSync(outside, join(mountpoint, 'link'));
  writeFileSync(join(outside, 'secret'), 'secret');
  const swap = 'cd /v; mkdir -p real; while :; do ln -sfn /proc/1/root/../../../../etc swap; rm -rf swap; mkdir swap; rmdir swap; done';
  await lab.start('racer', swap, { mounts: [{ type: 'volume', source: 'racy', target: '/v', readOnly: false }] });
  const tar = await lab.engine.containers.readArchive('racer', '/bin/busybox');
  await unread(tar.tar);
  const made = await lab.kernel.processes.run(['sh', '-c', `cd ${lab.folder} && echo evil > evil && tar -cf evil.tar evil`]);
  assert.equal(made.exitCode, 0);
  const { createReadStream } = await import('node:fs');
  const options = { noOverwriteDirNonDir: false, copyOwnership: false };
  for (let round = 0; round < 30; round += 1) {
    for (const target of ['/v/link', '/v/swap']) {
      await lab.engine.containers
        .writeArchive('racer', target, createReadStream(join(lab.folder, 'evil.tar')), options)
        .catch(() => undefined);
    }
    const read = await lab.engine.containers.readArchive('racer', '/v/link/secret').catch(() => undefined);
    if (read) await unread(read.tar);
    assert.equal(read, undefined);
  }
  await lab.engine.containers.remove('racer', { force: true, volumes: true });
  assert.ok(!existsSync('/etc/evil') && !existsSync(join(outside, 'evil')));
  assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
});

test('a volume that its neighbour swaps for a symlink is never mounted on the host (CVE-2021-30465), started or only copied from', async () => {
  const outside = join(lab.folder, 'target');
  mkdirSync(outside);
  await lab.engine.volumes.create({ name: 'shared' });
  const { mountpoint } = await lab.engine.volumes.create({ name: 'inner' });
  writeFileSync(join(mountpoint, 'marker'), 'inner');
  const mounts = [{ type: 'volume' as const, source: 'shared', target: '/v', readOnly: false }];
  const swap = `cd /v; while :; do mkdir -p place; rmdir place; ln -s ${'../'.repeat(12)}${outside.slice(1)} place; rm -f place; done`;
  await lab.start('swapper', swap, { mounts });
  const nested = [...mounts, { type: 'volume' as const, source: 'inner', target: '/v/place', readOnly: false }];
  const { containers } = lab.engine;
  await containers.create({ image: 'busybox', name: 'copied', command: ['true'], mounts: nested });
  const seen = (): boolean => existsSync(join(outside, 'marker')) || lab.kernel.mounts.list().some(({ target }) => target === outside);
  for (let round = 0; round < 60; round += 1) {
    const read = await containers.readArchive('copied', '/etc').catch(() => undefined);
    assert.equal(seen(), false, `copy ${round}`);
    if (read) await unread(read.tar);
  }
  for (let round = 0; round < 5; round += 1) {
    await lab.run('true', { mounts: nested }).catch(() => undefined);
    assert.equal(seen(), false, `start ${round}`);
  }
  await Promise.all(['swapper', 'copied'].map((name) => containers.remove(name, { force: true, volumes: true })));
});

test('nothing of the user’s is mounted over /proc, which masks and read-only paths rely on (CVE-2019-16884, CVE-2023-28642)', async () => {
  const over = await lab.run('true', { mounts: [{ type: 'volume', source: 'procish', target: '/proc', readOnly: false }] }).then(
    ({ exitCode, output }) => `${exitCode} ${output}`,
    (error: Error) => error.message,
  );
  assert.match(over, /cannot be mounted because it is (inside|not of type)/);
  for (const target of ['/proc/sys', '/proc/kcore', '/sys/../proc/sys']) {
    const started = lab.run('true', { mounts: [{ type: 'bind', source: lab.folder, target, readOnly: false }] });
    await assert.rejects(started, /inside \/proc|not a directory|not of type/, target);
  }
  await lab.engine.volumes.remove('procish', { force: true });
});

async function unread(tar: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const block of tar) if (block.length > 0) break;
}
