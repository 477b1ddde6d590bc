import type { CgroupLimits, CgroupStats } from './cgroups.ts';

/** One file of one controller: `{ controller: 'memory', file: 'memory.limit_in_bytes', value: '1048576' }`. */
export interface CgroupWrite {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

export type CgroupRead = (controller: string, file: string) => string | undefined;

export interface CgroupFormat {
  readonly version: 1 | 2;
  /** Controllers this knows by name. */
  readonly known: ReadonlySet<string>;
  limits(limits: CgroupLimits): readonly CgroupWrite[];
  stats(read: CgroupRead): CgroupStats;
}

export interface CgroupVersion extends CgroupFormat {
  /** Root folder of each controller's hierarchy. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Root folders of all hierarchies. */
  readonly roots: readonly string[];
}

const known = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'pids',
  'blkio',
  'io',
  'devices',
  'freezer',
  'hugetlb',
  'net_cls',
  'net_prio',
  'perf_event',
  'rdma',
  'misc',
]);

/** Documentation/admin-guide/cgroup-v1 */
export const cgroupsV1: CgroupFormat = {
  version: 1,
  known,

  limits: ({ memoryBytes, cpuPeriodUs, cpuQuotaUs, cpuShares, pids }) => [
    ...write('memory', 'memory.limit_in_bytes', memoryBytes),
    // The period first: the quota is checked against it.
    ...write('cpu', 'cpu.cfs_period_us', cpuPeriodUs),
    ...write('cpu', 'cpu.cfs_quota_us', cpuQuotaUs),
    ...write('cpu', 'cpu.shares', cpuShares),
    ...write('pids', 'pids.max', pids),
  ],

  stats(read) {
    const usage = read('cpuacct', 'cpuacct.usage');
    const memory = read('memory', 'memory.usage_in_bytes');
    const pids = read('pids', 'pids.current');
    const io = read('blkio', 'blkio.throttle.io_service_bytes_recursive') ?? read('blkio', 'blkio.throttle.io_service_bytes');
    const throttling = pairs(read('cpu', 'cpu.stat'));
    // cpuacct.stat counts ticks of 10 ms.
    const split = pairs(read('cpuacct', 'cpuacct.stat'));
    const tickNs = 10_000_000;
    return {
      ...(usage === undefined
        ? {}
        : {
            cpu: {
              usageNs: Number(usage),
              userNs: (split['user'] ?? 0) * tickNs,
              systemNs: (split['system'] ?? 0) * tickNs,
              perCpuNs: numbers(read('cpuacct', 'cpuacct.usage_percpu')),
              periods: throttling['nr_periods'] ?? 0,
              throttledPeriods: throttling['nr_throttled'] ?? 0,
              throttledNs: throttling['throttled_time'] ?? 0,
            },
          }),
      ...(memory === undefined
        ? {}
        : {
            memory: {
              usageBytes: Number(memory),
              maxUsageBytes: Number(read('memory', 'memory.max_usage_in_bytes') ?? 0),
              limitBytes: Number(read('memory', 'memory.limit_in_bytes') ?? 0),
              oomKills: pairs(read('memory', 'memory.oom_control'))['oom_kill'] ?? 0,
              stat: pairs(read('memory', 'memory.stat')),
            },
          }),
      ...pidsOf(pids, read('pids', 'pids.max')),
      ...(io === undefined ? {} : { io: blkio(io) }),
    };
  },
};

/** Documentation/admin-guide/cgroup-v2.rst */
export const cgroupsV2: CgroupFormat = {
  version: 2,
  known,

  limits: ({ memoryBytes, cpuPeriodUs, cpuQuotaUs, cpuShares, pids }) => [
    ...write('memory', 'memory.max', memoryBytes),
    ...(cpuQuotaUs === undefined ? [] : write('cpu', 'cpu.max', `${cpuQuotaUs < 0 ? 'max' : cpuQuotaUs} ${cpuPeriodUs ?? 100_000}`)),
    ...write('cpu', 'cpu.weight', cpuShares === undefined ? undefined : weightOf(cpuShares)),
    ...write('pids', 'pids.max', pids),
  ],

  stats(read) {
    const cpu = read('cpu', 'cpu.stat');
    const memory = read('memory', 'memory.current');
    const io = read('io', 'io.stat');
    const times = pairs(cpu);
    const usToNs = (name: string): number => (times[name] ?? 0) * 1000;
    return {
      ...(cpu === undefined
        ? {}
        : {
            cpu: {
              usageNs: usToNs('usage_usec'),
              userNs: usToNs('user_usec'),
              systemNs: usToNs('system_usec'),
              perCpuNs: [],
              periods: times['nr_periods'] ?? 0,
              throttledPeriods: times['nr_throttled'] ?? 0,
              throttledNs: usToNs('throttled_usec'),
            },
          }),
      ...(memory === undefined
        ? {}
        : {
            memory: {
              usageBytes: Number(memory),
              maxUsageBytes: Number(read('memory', 'memory.peak') ?? memory),
              limitBytes: limitOf(read('memory', 'memory.max')) ?? Number.MAX_SAFE_INTEGER,
              oomKills: pairs(read('memory', 'memory.events'))['oom_kill'] ?? 0,
              stat: pairs(read('memory', 'memory.stat')),
            },
          }),
      ...pidsOf(read('pids', 'pids.current'), read('pids', 'pids.max')),
      ...(io === undefined ? {} : { io: ioStat(io) }),
    };
  },
};

/** Shares 2…262144 → weight 1…10000, runc's formula. */
export function weightOf(shares: number): number {
  return shares === 0 ? 0 : 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

function write(controller: string, file: string, value: number | string | undefined): readonly CgroupWrite[] {
  return value === undefined ? [] : [{ controller, file, value: value === 0 && file === 'pids.max' ? 'max' : String(value) }];
}

function pidsOf(current: string | undefined, limit: string | undefined): Pick<CgroupStats, 'pids'> {
  return current === undefined ? {} : { pids: { current: Number(current), limit: limitOf(limit) } };
}

function limitOf(text: string | undefined): number | undefined {
  return text === undefined || text.trim() === 'max' ? undefined : Number(text);
}

/** `name value` per line. */
function pairs(text: string | undefined): Readonly<Record<string, number>> {
  const lines = (text ?? '').split('\n').map((line) => line.split(' '));
  return Object.fromEntries(lines.flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name, Number(value)]])));
}

function numbers(text: string | undefined): readonly number[] {
  return (text ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(Number);
}

type Io = NonNullable<CgroupStats['io']>;

/** `8:0 Read 4096` per line, then `Total 4096`. */
function blkio(text: string): Io {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, op, bytes]) => ({
    major: Number(major),
    minor: Number(minor),
    op: (op ?? '').toLowerCase(),
    bytes: Number(bytes),
  }));
}

/** `8:0 rbytes=4096 wbytes=0 rios=1 …` per line. */
function ioStat(text: string): Io {
  return [...text.matchAll(/^(\d+):(\d+) .*?rbytes=(\d+) wbytes=(\d+)/gm)].flatMap(([, major, minor, read, written]) => [
    { major: Number(major), minor: Number(minor), op: 'read', bytes: Number(read) },
    { major: Number(major), minor: Number(minor), op: 'write', bytes: Number(written) },
  ]);
}
