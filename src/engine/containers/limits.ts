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
  checkSet('cpuset cpus', 'CPUs', limits.cpusetCpus, hostCpus);
  if (nanoCpus && (limits.cpuQuotaUs || limits.cpuPeriodUs))
    throw new KindError('invalid', 'Conflicting options: Nano CPUs and CPU Period/Quota cannot both be set');
}

/** `0-2,5` of processors numbered from 0. */
function checkSet(what: string, things: string, given: string | undefined, available: number): void {
  if (!given) return;
  const ranges = given.split(',').map((range) => /^(\d+)(?:-(\d+))?$/.exec(range));
  if (ranges.some((range) => range === null || Number(range[1]) > Number(range[2] ?? range[1])))
    throw new KindError('invalid', `Invalid value ${given} for ${what}`);
  if (ranges.some((range) => Number(range?.[2] ?? range?.[1]) >= available))
    throw new KindError('invalid', `Requested ${things} are not available - requested ${given}, available: 0-${available - 1}`);
}

/** docker update: what is given replaces, the rest stays. The swap that was implied by the memory stays as well. */
export function mergeLimits(current: ResourceLimits, change: ResourceLimits): ResourceLimits {
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== 0));
  const swap = effectiveSwap(current);
  return { ...current, ...(swap && { memorySwapBytes: swap }), ...given };
}

/** What stands against an update, in dockerd's words. */
export function checkUpdate(current: ResourceLimits, change: ResourceLimits): void {
  const refuse = (what: string): never => {
    throw new KindError('invalid', what);
  };
  if (change.nanoCpus && current.cpuPeriodUs) refuse('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  if (change.nanoCpus && current.cpuQuotaUs) refuse('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
  if (change.cpuQuotaUs && current.nanoCpus) refuse('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  if (change.cpuPeriodUs && current.nanoCpus) refuse('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  const swap = effectiveSwap(current) ?? 0;
  if (change.memoryBytes && !change.memorySwapBytes && swap !== -1 && change.memoryBytes > swap)
    refuse('Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time');
}

/** Docker's default: as much swap as memory. */
function effectiveSwap({ memoryBytes, memorySwapBytes }: ResourceLimits): number | undefined {
  return memorySwapBytes || (memoryBytes ? memoryBytes * 2 : undefined);
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
  const { memoryBytes, memoryReservationBytes, memorySwappiness, oomKillDisable } = limits;
  if (!memoryBytes && !memoryReservationBytes && !oomKillDisable && memorySwappiness === undefined) return undefined;
  const swap = effectiveSwap(limits);
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
