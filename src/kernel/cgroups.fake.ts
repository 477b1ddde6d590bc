import { KindError } from '../base/errors.ts';
import type { CgroupLimits, CgroupStats, Cgroups } from './cgroups.ts';

export interface FakeCgroups extends Cgroups {
  readonly groups: ReadonlyMap<string, CgroupLimits>;
  setStats(path: string, stats: CgroupStats): void;
  setProcesses(path: string, pids: readonly number[]): void;
}

export function fakeCgroups(): FakeCgroups {
  const groups = new Map<string, CgroupLimits>();
  const stats = new Map<string, CgroupStats>();
  const processes = new Map<string, readonly number[]>();
  const within = (path: string): readonly string[] => [...groups.keys()].filter((other) => other === path || other.startsWith(`${path}/`));
  return {
    version: 1,
    groups,
    setStats: (path, value) => void stats.set(path, value),
    setProcesses: (path, pids) => void processes.set(path, pids),
    create: (path, limits) => void groups.set(path, { ...groups.get(path), ...limits }),
    remove(path) {
      if (within(path).some((group) => (processes.get(group) ?? []).length > 0))
        throw new KindError('conflict', `remove control group ${path}: EBUSY`);
      for (const group of within(path)) {
        groups.delete(group);
        stats.delete(group);
      }
    },
    stats: (path) => stats.get(path) ?? statsOf(groups.get(path)),
    processes: (path) =>
      within(path)
        .flatMap((group) => processes.get(group) ?? [])
        .toSorted((a, b) => a - b),
    expectEntry: () => undefined,
    isFrozen: () => false,
    hasIoWeights: () => true,
    controllers: () => ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'],
  };
}

function statsOf(limits: CgroupLimits | undefined): CgroupStats {
  if (limits === undefined) return {};
  return {
    cpu: { usageNs: 0, userNs: 0, systemNs: 0, perCpuNs: [0], periods: 0, throttledPeriods: 0, throttledNs: 0 },
    memory: { usageBytes: 0, maxUsageBytes: 0, limitBytes: limits.memoryBytes ?? Number.MAX_SAFE_INTEGER, oomKills: 0, stat: {} },
    pids: { current: 0, limit: limits.pids },
    io: [],
  };
}
