import { disk, type CreateCase } from './case.ts';

const mebi = 1024 * 1024;
const unsupported = (field: string, value: unknown): CreateCase => ({
  title: `${field} is refused`,
  host: { [field]: value },
  refused: new RegExp(`HostConfig\\.${field}: .* is not supported by this engine; leave it out`),
});

const { path: Path, number } = disk;

/** HostConfig's limits and devices. */
export const resourceCases: readonly CreateCase[] = [
  {
    title: 'memory',
    host: { Memory: 64 * mebi, MemorySwap: 96 * mebi, MemoryReservation: 32 * mebi, MemorySwappiness: 0, OomKillDisable: true },
    runtime: {
      linux: {
        resources: {
          memory: { limit: 64 * mebi, swap: 96 * mebi, reservation: 32 * mebi, swappiness: 0, disableOOMKiller: true },
        },
      },
    },
    inside: ['cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory/memory.swappiness', `${64 * mebi}\n0`],
  },
  {
    title: 'processor time in periods',
    host: { CpuShares: 512, CpuPeriod: 50_000, CpuQuota: 20_000, CpusetCpus: '0', CpusetMems: '0' },
    runtime: { linux: { resources: { cpu: { shares: 512, period: 50_000, quota: 20_000, cpus: '0', mems: '0' } } } },
    inside: ['grep Cpus_allowed_list /proc/self/status | cut -f2', '0'],
  },
  {
    title: 'processor time in processors',
    host: { NanoCpus: 500_000_000 },
    runtime: { linux: { resources: { cpu: { period: 100_000, quota: 50_000 } } } },
    inside: ['cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us', '50000'],
  },
  {
    title: 'processes, limits of one, how soon it is killed',
    host: { PidsLimit: 33, Ulimits: [{ Name: 'core', Soft: 1024, Hard: 2048 }], OomScoreAdj: 77 },
    runtime: {
      process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 1024, hard: 2048 }], oomScoreAdj: 77 },
      linux: { resources: { pids: { limit: 33 } } },
    },
    inside: ["awk '/core file/{print $5, $6}' /proc/self/limits; cat /proc/1/oom_score_adj", '1024 2048\n77'],
  },
  {
    title: 'rates of a disk',
    host: {
      BlkioDeviceReadBps: [{ Path, Rate: 1_000_000 }],
      BlkioDeviceWriteBps: [{ Path, Rate: 2_000_000 }],
      BlkioDeviceReadIOps: [{ Path, Rate: 300 }],
      BlkioDeviceWriteIOps: [{ Path, Rate: 400 }],
    },
    runtime: {
      linux: {
        resources: {
          blockIO: {
            throttleReadBpsDevice: [{ ...number, rate: 1_000_000 }],
            throttleWriteBpsDevice: [{ ...number, rate: 2_000_000 }],
            throttleReadIOPSDevice: [{ ...number, rate: 300 }],
            throttleWriteIOPSDevice: [{ ...number, rate: 400 }],
          },
        },
      },
    },
  },
  {
    title: 'a weight among those that want a disk',
    host: { BlkioWeight: 300 },
    runtime: { linux: { resources: { blockIO: { weight: 300 } } } },
    inside: ['cat /sys/fs/cgroup/blkio/blkio.bfq.weight', '300'],
  },
  {
    title: 'a weight for one disk, which must have the BFQ scheduler',
    host: { BlkioWeightDevice: [{ Path, Weight: 200 }] },
    isOnlyCreated: true,
  },
  {
    title: 'a device and rules about others',
    host: {
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/zed', CgroupPermissions: 'r' }],
      DeviceCgroupRules: ['c 10:200 rw'],
    },
    runtime: {
      linux: {
        devices: [{ path: '/dev/zed', type: 'c', major: 1, minor: 3 }],
        resources: { devices: [{ allow: true, type: 'c', major: 10, minor: 200, access: 'rw' }] },
      },
    },
    inside: ['ls -l /dev/zed | cut -c1', 'c'],
  },
  {
    title: 'a parent of its own among the control groups',
    host: { CgroupParent: '/davit-dfields/mine' },
    inside: ["grep -c ':pids:.*/davit-dfields/mine/' /proc/self/cgroup", '1'],
  },
  unsupported('CpuRealtimePeriod', 1000),
  unsupported('CpuRealtimeRuntime', 1000),
  unsupported('CpuCount', 1),
  unsupported('CpuPercent', 50),
  unsupported('IOMaximumIOps', 5),
  unsupported('IOMaximumBandwidth', 5),
  unsupported('DeviceRequests', [{ Driver: 'nvidia', Count: -1, DeviceIDs: ['0'], Capabilities: [['gpu']], Options: { a: 'b' } }]),
];
