import type { LinuxResources } from '../../api/oci/runtime.ts';
import { KindError } from '../../base/errors.ts';
import type { BlkioDevice, ResourceLimits } from './container.ts';

/** Numbers of a block device: `/dev/vda` → 254:0. */
export type DeviceNumber = (path: string) => { readonly major: number; readonly minor: number };

const periodUs = 100_000;
const leastMemory = 6 * 1024 * 1024;

/** Limits in the OCI form. `--cpus 1.5` → quota 150000 of 100000 µs; swap defaults to twice the memory. */
export function toLinuxResources(limits: ResourceLimits, numberOf: DeviceNumber): Omit<LinuxResources, 'devices'> {
  const { memory, cpu, blockIO } = { memory: memoryOf(limits), cpu: cpuOf(limits), blockIO: blockIoOf(limits, numberOf) };
  return {
    ...(memory && { memory }),
    ...(cpu && { cpu }),
    ...(blockIO && { blockIO }),
    ...(limits.pids !== undefined && limits.pids !== 0 && { pids: { limit: limits.pids } }),
  };
}

/** Refuses what dockerd refuses. */
export function checkLimits(limits: ResourceLimits, hostCpus: number): void {
  const { memoryBytes, memorySwapBytes, nanoCpus } = limits;
  if (memoryBytes && memoryBytes < leastMemory) throw new KindError('invalid', 'Minimum memory limit allowed is 6MB');
  if (memorySwapBytes && memorySwapBytes > 0 && !memoryBytes)
    throw new KindError('invalid', 'You should always set the Memory limit when using Memoryswap limit, see usage');
  if (memoryBytes && memorySwapBytes && memorySwapBytes > 0 && memorySwapBytes < memoryBytes) {
    throw new KindError('invalid', 'Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (nanoCpus && (nanoCpus < 0 || nanoCpus > hostCpus * 1e9)) {
    throw new KindError('invalid', `range of CPUs is from 0.01 to ${hostCpus}.00, as there are only ${hostCpus} CPUs available`);
  }
  if (nanoCpus && (limits.cpuQuotaUs || limits.cpuPeriodUs))
    throw new KindError('invalid', 'Conflicting options: Nano CPUs and CPU Period/Quota cannot both be set');
}

/** docker update: what is given replaces, the rest stays. */
export function mergeLimits(current: ResourceLimits, change: ResourceLimits): ResourceLimits {
  return { ...current, ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== 0)) };
}

const throttles = {
  readBps: 'throttleReadBpsDevice',
  writeBps: 'throttleWriteBpsDevice',
  readIops: 'throttleReadIOPSDevice',
  writeIops: 'throttleWriteIOPSDevice',
} as const;

function blockIoOf({ blkioWeight, blkioDevices = [] }: ResourceLimits, numberOf: DeviceNumber): LinuxResources['blockIO'] {
  if (!blkioWeight && blkioDevices.length === 0) return undefined;
  const of = (wanted: BlkioDevice['kind'], name: string): object => {
    const devices = blkioDevices.filter(({ kind }) => kind === wanted).map(({ path, amount }) => ({ ...numberOf(path), amount }));
    if (devices.length === 0) return {};
    const field = wanted === 'weight' ? 'weight' : 'rate';
    return { [name]: devices.map(({ major, minor, amount }) => ({ major, minor, [field]: amount })) };
  };
  return Object.assign(
    blkioWeight ? { weight: blkioWeight } : {},
    of('weight', 'weightDevice'),
    ...Object.entries(throttles).map(([kind, name]) => of(kind as BlkioDevice['kind'], name)),
  ) as object;
}

function memoryOf(limits: ResourceLimits): LinuxResources['memory'] {
  const { memoryBytes, memorySwapBytes, memoryReservationBytes, memorySwappiness, oomKillDisable } = limits;
  if (!memoryBytes && !memoryReservationBytes && !oomKillDisable && memorySwappiness === undefined) return undefined;
  const swap = memorySwapBytes || (memoryBytes ? memoryBytes * 2 : undefined);
  return {
    ...(memoryBytes && { limit: memoryBytes }),
    ...(memoryReservationBytes && { reservation: memoryReservationBytes }),
    ...(swap && { swap }),
    ...(memorySwappiness !== undefined && { swappiness: memorySwappiness }),
    ...(oomKillDisable && { disableOOMKiller: true }),
  };
}

function cpuOf(limits: ResourceLimits): LinuxResources['cpu'] {
  const { nanoCpus, cpuShares, cpuPeriodUs, cpuQuotaUs, cpusetCpus, cpusetMems } = limits;
  const cpu = {
    ...(cpuShares && { shares: cpuShares }),
    ...(nanoCpus
      ? { period: periodUs, quota: Math.round((nanoCpus * periodUs) / 1e9) }
      : { ...(cpuPeriodUs && { period: cpuPeriodUs }), ...(cpuQuotaUs && { quota: cpuQuotaUs }) }),
    ...(cpusetCpus && { cpus: cpusetCpus }),
    ...(cpusetMems && { mems: cpusetMems }),
  };
  return Object.keys(cpu).length > 0 ? cpu : undefined;
}
