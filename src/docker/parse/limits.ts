import type { ContainerUpdate, HostConfig } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';
import type { ResourceLimits } from '../../engine/containers/container.ts';

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
    oomKillDisable: given.OomKillDisable || undefined,
    oomScoreAdj: oomScoreAdj || undefined,
  };
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
