import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupsV1, cgroupsV2, weightOf, type CgroupRead } from './cgroup-files.ts';
import { fakeCgroups } from './cgroups.fake.ts';
import { linuxCgroups } from './cgroups.linux.ts';
import { cgroupsSuite } from './cgroups.suite.ts';

cgroupsSuite('fake cgroups', () => ({ cgroups: fakeCgroups(), path: '/davit-test', [Symbol.dispose]: () => undefined }));

const limits = { memoryBytes: 1 << 20, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, cpuShares: 1024, pids: 0 };
const filesOf =
  (files: Readonly<Record<string, string>>): CgroupRead =>
  (_, file) =>
    files[file];

test('limits as files of version 1', () => {
  assert.deepEqual(
    cgroupsV1.limits(limits).map(({ file, value }) => `${file}=${value}`),
    ['memory.limit_in_bytes=1048576', 'cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=50000', 'cpu.shares=1024', 'pids.max=max'],
  );
});

test('limits as files of version 2', () => {
  assert.deepEqual(
    cgroupsV2.limits(limits).map(({ file, value }) => `${file}=${value}`),
    ['memory.max=1048576', 'cpu.max=50000 100000', 'cpu.weight=39', 'pids.max=max'],
  );
  assert.deepEqual(
    cgroupsV2.limits({ cpuQuotaUs: -1 }).map(({ value }) => value),
    ['max 100000'],
  );
  assert.deepEqual(cgroupsV2.limits({}), []);
});

test('the ends of the shares scale are the ends of the weight scale', () => {
  assert.deepEqual([weightOf(2), weightOf(262_144)], [1, 10_000]);
});

test('statistics of version 1', () => {
  const stats = cgroupsV1.stats(
    filesOf({
      'cpuacct.usage': '3000000000\n',
      'cpuacct.stat': 'user 200\nsystem 100\n',
      'cpuacct.usage_percpu': '1000000000 2000000000 \n',
      'cpu.stat': 'nr_periods 10\nnr_throttled 3\nthrottled_time 42\n',
      'memory.usage_in_bytes': '4096\n',
      'memory.max_usage_in_bytes': '8192\n',
      'memory.limit_in_bytes': '65536\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      'memory.stat': 'cache 1\nrss 2\n',
      'pids.current': '3\n',
      'pids.max': 'max\n',
      'blkio.throttle.io_service_bytes': '8:0 Read 4096\n8:0 Write 512\n8:0 Total 4608\nTotal 4608\n',
    }),
  );
  assert.deepEqual(stats.cpu, {
    usageNs: 3e9,
    userNs: 2e9,
    systemNs: 1e9,
    perCpuNs: [1e9, 2e9],
    periods: 10,
    throttledPeriods: 3,
    throttledNs: 42,
  });
  assert.deepEqual(stats.memory, { usageBytes: 4096, maxUsageBytes: 8192, limitBytes: 65536, oomKills: 2, stat: { cache: 1, rss: 2 } });
  assert.deepEqual(stats.pids, { current: 3, limit: undefined });
  assert.deepEqual(stats.io?.[0], { major: 8, minor: 0, op: 'read', bytes: 4096 });
});

test('statistics of version 2', () => {
  const stats = cgroupsV2.stats(
    filesOf({
      'cpu.stat': 'usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 1\nnr_throttled 1\nthrottled_usec 5\n',
      'memory.current': '4096\n',
      'memory.max': 'max\n',
      'memory.events': 'low 0\noom 1\noom_kill 1\n',
      'memory.stat': 'anon 7\n',
      'pids.current': '1\n',
      'pids.max': '9\n',
      'io.stat': '254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n',
    }),
  );
  assert.equal(stats.cpu?.usageNs, 3_000_000);
  assert.equal(stats.cpu?.throttledNs, 5000);
  assert.equal(stats.memory?.oomKills, 1);
  assert.deepEqual(stats.pids, { current: 1, limit: 9 });
  assert.deepEqual(stats.io, [
    { major: 254, minor: 0, op: 'read', bytes: 10 },
    { major: 254, minor: 0, op: 'write', bytes: 20 },
  ]);
});

test('where controllers are missing their statistics are too', () => {
  assert.deepEqual(
    cgroupsV1.stats(() => undefined),
    {},
  );
  assert.deepEqual(
    cgroupsV2.stats(() => undefined),
    {},
  );
});

const mount = (type: string, target: string, options: readonly string[] = []) => ({
  id: 0,
  type,
  target,
  options,
  source: type,
  root: '/',
  propagation: [],
});

test('hybrid hosts count as version 1; version 2 is what hides it, if something does', () => {
  const hybrid = [
    mount('tmpfs', '/no-such'),
    mount('cgroup', '/no-such/memory', ['memory']),
    mount('cgroup', '/no-such/pids', ['pids']),
    mount('cgroup2', '/no-such/unified'),
  ];
  assert.deepEqual([linuxCgroups(hybrid).version, linuxCgroups(hybrid).controllers()], [1, ['memory', 'pids']]);
  assert.equal(linuxCgroups([...hybrid, mount('cgroup2', '/no-such')]).version, 2);
  assert.equal(linuxCgroups([...hybrid, mount('tmpfs', '/no-such'), mount('cgroup', '/no-such/cpu', ['cpu'])]).controllers()[0], 'cpu');
});
