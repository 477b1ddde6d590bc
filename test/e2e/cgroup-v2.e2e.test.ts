/**
 * davit where the unified hierarchy is all there is: a mount of it over /sys/fs/cgroup, as davit and the runtime look there.
 * Controllers that the machine keeps in version 1 are missing in it, so that limits are told to be left out.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { busyboxTar } from '../support/images.ts';
import { eventually } from '../support/eventually.ts';
import { Machine, type Result } from '../support/machine.ts';

const davit = fileURLToPath(new URL('../../bin/davit', import.meta.url));
const parent = '/davit-dunified';
const image = 'busybox:test';
let machine: Machine;
let holder: ChildProcess;
let engine: ChildProcess;

before(async () => {
  machine = await Machine.create('dunified', 143);
  await machine.ok(['true']);
  holder = machine.start(['unshare', '--mount', 'sh', '-c', 'mount -t cgroup2 none /sys/fs/cgroup && echo ready && exec sleep 10000']);
  assert.ok(holder.stdout);
  assert.equal(String((await once(holder.stdout, 'data'))[0]), 'ready\n');
  engine = machine.start(['nsenter', '-t', String(holder.pid), '-m', davit, 'engine', '--cgroup-parent', parent, '--node-name', 'node-1']);
  await eventually(() => machine.docker('version'), { withinMs: 20_000 });
  await machine.docker('import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin', await busyboxTar(), image);
});

after(async () => {
  engine.kill('SIGTERM');
  await once(engine, 'exit');
  await inside([davit, 'down', '--purge', '--cgroup-parent', parent]);
  const left = await inside(['find', '/sys/fs/cgroup', '-name', 'davit-dunified']);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await machine[Symbol.asyncDispose]();
  assert.equal(left.stdout, '');
});

const inside = (argv: readonly string[]): Promise<Result> => machine.run(['nsenter', '-t', String(holder.pid), '-m', ...argv]);

/** A file of a container's group, as it lies in the tree. */
async function group(name: string, file: string): Promise<string> {
  const id = await machine.docker('inspect', '-f', '{{.Id}}', name);
  return (await inside(['cat', `/sys/fs/cgroup${parent}/${id}/${file}`])).stdout;
}

test('it is found, and containers have a view of it of their own', async () => {
  assert.equal(await machine.docker('info', '-f', '{{.CgroupVersion}} {{.OomKillDisable}}'), '2 false');
  const seen = await machine.docker(
    'run',
    '--rm',
    image,
    'sh',
    '-c',
    'grep ^0:: /proc/self/cgroup; grep -c cgroup2 /proc/mounts; (echo 1 > /sys/fs/cgroup/cgroup.freeze) 2>/dev/null || echo read-only',
  );
  assert.equal(seen, '0::/\n1\nread-only');
  assert.match(
    await machine.docker('run', '--rm', '--cgroupns', 'host', image, 'grep', '^0::', '/proc/self/cgroup'),
    /^0::\/davit-dunified\/[0-9a-f]{64}$/,
  );
});

test('a group for each container, frozen and thawed, with all its processes', async () => {
  await machine.docker('run', '-d', '--name', 'c1', image, 'sh', '-c', 'sleep 1000 & while :; do :; done');
  await eventually(async () => assert.equal((await group('c1', 'cgroup.procs')).trim().split('\n').length, 2), { withinMs: 10_000 });
  assert.equal(await group('c1', 'cgroup.events'), 'populated 1\nfrozen 0\n');
  await machine.docker('pause', 'c1');
  assert.equal(await group('c1', 'cgroup.events'), 'populated 1\nfrozen 1\n');
  assert.match(await machine.docker('ps'), /\(Paused\)/);
  await machine.docker('unpause', 'c1');
  await machine.docker('exec', '-d', 'c1', 'sleep', '2000');
  const pids = (await machine.docker('top', 'c1', '-o', 'pid')).split('\n').slice(1).map(Number);
  assert.deepEqual(pids.toSorted(), (await group('c1', 'cgroup.procs')).trim().split('\n').map(Number).toSorted());
  assert.equal(pids.length, 3);
});

test('processor time is the group’s', async () => {
  const usage = async () => Number(/usage_usec (\d+)/.exec(await group('c1', 'cpu.stat'))?.[1]) * 1000;
  const before_ = await usage();
  const answer = await machine.ok([
    'curl',
    '-s',
    '--unix-socket',
    machine.dockerSocket,
    'http://d/containers/c1/stats?stream=false&one-shot=true',
  ]);
  const { cpu_stats: cpu } = JSON.parse(answer) as { cpu_stats: { cpu_usage: { total_usage: number } } };
  assert.ok(before_ > 0 && cpu.cpu_usage.total_usage >= before_ && cpu.cpu_usage.total_usage <= (await usage()));
});

test('devices are guarded by a program in the kernel', async () => {
  const script = 'mknod /dev/x c 1 1 && cat /dev/x | head -c 1; cat /dev/null && echo null';
  const guarded = await machine.run(['docker', 'run', '--rm', image, 'sh', '-c', script]);
  assert.match(guarded.stderr, /can't open '\/dev\/x': Operation not permitted/);
  assert.equal(guarded.stdout, 'null\n');
  const rule = ['--device-cgroup-rule', 'c 1:1 mr', '--cap-add', 'SYS_RAWIO'];
  assert.doesNotMatch(
    (await machine.run(['docker', 'run', '--rm', ...rule, image, 'sh', '-c', 'mknod /dev/x c 1 1 && head -c 0 /dev/x'])).stderr,
    /not permitted/,
  );
});

test('killed with all that it started; its group is gone with it', async () => {
  const id = await machine.docker('inspect', '-f', '{{.Id}}', 'c1');
  await machine.docker('rm', '-f', 'c1');
  assert.equal((await inside(['ls', `/sys/fs/cgroup${parent}/${id}`])).code, 2);
  assert.equal((await inside(['pgrep', '-f', 'sleep 2000'])).stdout, '');
});

test('limits without their controller are left out with dockerd’s warning, or refused', async () => {
  const limits = ['--memory', '64m', '--pids-limit', '50', '--cpu-shares', '512', '--cpuset-cpus', '0', '--memory-swappiness', '0'];
  const { stdout, stderr } = await machine.run(['docker', 'run', '--rm', ...limits, image, 'echo', 'runs']);
  assert.equal(stdout, 'runs\n');
  for (const what of ['memory limit capabilities', 'memory swappiness capabilities', 'PIDs limit capabilities', 'CPU shares', 'cpuset'])
    assert.match(stderr, new RegExp(`WARNING: Your kernel does not support ${what} or the cgroup is not mounted`));
  const refused = await machine.run(['docker', 'run', '--rm', '--cpus', '0.5', image, 'true']);
  assert.match(refused.stderr, /NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted/);
});
