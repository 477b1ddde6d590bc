import type { ContainerUpdate, HostConfig } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';
import type { BlkioDevice, ResourceLimits } from '../../engine/containers/container.ts';

const mebibyte = 1024 * 1024;

/** Limits with dockerd's checks and words. Zero values mean "not given". */
export function parseLimits(given: ContainerUpdate | HostConfig): ResourceLimits {
  checkMemory(given);
  checkCpu(given);
  const oomScoreAdj = 'OomScoreAdj' in given ? given.OomScoreAdj : undefined;
  if (Math.abs(oomScoreAdj ?? 0) > 1000) {
    throw new KindError('invalid', `Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  return {
    memoryBytes: given.Memory || undefined,
    memorySwapBytes: given.MemorySwap || undefined,
    memoryReservationBytes: given.MemoryReservation || undefined,
    nanoCpus: given.NanoCpus || undefined,
    cpuShares: given.CpuShares || undefined,
    cpuPeriodUs: given.CpuPeriod || undefined,
    cpuQuotaUs: given.CpuQuota || undefined,
    cpusetCpus: given.CpusetCpus || undefined,
    cpusetMems: given.CpusetMems || undefined,
    pids: (given.PidsLimit ?? 0) > 0 ? given.PidsLimit : undefined,
    memorySwappiness: parseSwappiness(given.MemorySwappiness),
    ...parseBlkio(given),
    oomKillDisable: given.OomKillDisable || undefined,
    oomScoreAdj: oomScoreAdj || undefined,
  };
}

/** -1 is what clients send for "not given"; 0 means never. */
function parseSwappiness(value = -1): number | undefined {
  if (value === -1) return undefined;
  if (value < 0 || value > 100) throw new KindError('invalid', `Invalid value: ${value}, valid memory swappiness range is 0-100`);
  return value;
}

function parseBlkio(given: ContainerUpdate | HostConfig): Pick<ResourceLimits, 'blkioWeight' | 'blkioDevices'> {
  const weight = given.BlkioWeight ?? 0;
  if (weight > 0 && (weight < 10 || weight > 1000)) throw new KindError('invalid', 'Range of blkio weight is from 10 to 1000');
  const rates = [
    ['readBps', given.BlkioDeviceReadBps],
    ['writeBps', given.BlkioDeviceWriteBps],
    ['readIops', given.BlkioDeviceReadIOps],
    ['writeIops', given.BlkioDeviceWriteIOps],
  ] as const;
  const devices = [
    ...(given.BlkioWeightDevice ?? []).map(({ Path, Weight }) => blkioDevice('weight', Path, Weight)),
    ...rates.flatMap(([kind, list]) => (list ?? []).map(({ Path, Rate }) => blkioDevice(kind, Path, Rate))),
  ];
  return { blkioWeight: weight || undefined, blkioDevices: devices.length > 0 ? devices : undefined };
}

function blkioDevice(kind: BlkioDevice['kind'], path = '', amount = 0): BlkioDevice {
  if (!path.startsWith('/dev/')) throw new KindError('invalid', `bad format for device path: ${path}`);
  if (amount <= 0) throw new KindError('invalid', `invalid rate for device: ${path}: want a positive number`);
  return { kind, path, amount };
}

function checkMemory(given: ContainerUpdate | HostConfig): void {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemoryReservation: reservation = 0 } = given;
  if (memory < 0) throw new KindError('invalid', 'Memory limit cannot be negative');
  if (memory > 0 && memory < 6 * mebibyte) throw new KindError('invalid', 'Minimum memory limit allowed is 6MB');
  if (memory > 0 && swap > 0 && swap < memory) {
    throw new KindError('invalid', 'Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (memory === 0 && swap > 0)
    throw new KindError('invalid', 'You should always set the Memory limit when using Memoryswap limit, see usage');
  if (memory > 0 && reservation > memory) {
    throw new KindError('invalid', 'Minimum memory limit can not be less than memory reservation limit, see usage');
  }
}

function checkCpu(given: ContainerUpdate | HostConfig): void {
  const { NanoCpus: nano = 0, CpuQuota: quota = 0, CpuPeriod: period = 0, CpuShares: shares = 0 } = given;
  if (nano < 0) throw new KindError('invalid', 'invalid value for NanoCPUs: must not be negative');
  if (nano > 0 && period > 0) throw new KindError('invalid', 'Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nano > 0 && quota > 0) throw new KindError('invalid', 'Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (period !== 0 && (period < 1_000 || period > 1_000_000)) {
    throw new KindError('invalid', 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (quota > 0 && quota < 1_000) throw new KindError('invalid', 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (shares < 0) throw new KindError('invalid', `invalid CPU shares (${shares}): value must be a positive integer`);
}
