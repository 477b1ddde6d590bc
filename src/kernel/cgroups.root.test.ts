import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { linuxCgroups } from './cgroups.linux.ts';
import { cgroupsSuite, type CgroupsWorld } from './cgroups.suite.ts';

function scratch(): CgroupsWorld {
  const cgroups = linuxCgroups();
  const path = `/davit-test-${process.pid}`;
  return { cgroups, path, [Symbol.dispose]: () => cgroups.remove(path) };
}

cgroupsSuite('linux cgroups', scratch);

test('a process is counted, and its group cannot go before it', async () => {
  using world = scratch();
  const { cgroups, path } = world;
  cgroups.create(path, {});
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    for (const file of globSync(`/sys/fs/cgroup/{,*/}${path.slice(1)}/cgroup.procs`)) writeFileSync(file, String(child.pid));
    assert.deepEqual(cgroups.processes(path), [child.pid]);
    assert.equal(cgroups.stats(path).pids?.current, 1);
    assert.throws(() => cgroups.remove(path), { message: /remove control group/ });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test('an allocation over the limit is killed and counted', async () => {
  using world = scratch();
  const { cgroups, path } = world;
  cgroups.create(path, { memoryBytes: 16 << 20 });
  const [procs = ''] = globSync(`/sys/fs/cgroup/{,memory/}${path.slice(1)}/cgroup.procs`);
  const child = spawn('sh', ['-c', `echo $$ > ${procs}; head -c 64M /dev/zero | tail > /dev/null; exit $?`], { stdio: 'ignore' });
  await once(child, 'exit');
  assert.equal(cgroups.stats(path).memory?.oomKills, 1);
});
