import { never } from '../../api/docker/time.ts';
import type { Container } from '../../engine/containers/container.ts';
import type { ContainerStats, InterfaceStats } from '../../engine/containers/containers.ts';

/** `GET /containers/{id}/stats`: one sample with the one before it, from which clients compute percentages. */
export function containerStats(
  container: Container,
  now: ContainerStats | undefined,
  before: ContainerStats | undefined,
  hostMemory: number,
) {
  return {
    id: container.id,
    name: `/${container.name}`,
    read: now?.read.toISOString() ?? never,
    preread: before?.read.toISOString() ?? never,
    num_procs: 0,
    pids_stats: now?.pids ? { current: now.pids.current, ...(now.pids.limit === undefined ? {} : { limit: now.pids.limit }) } : {},
    blkio_stats: blockStats(now),
    storage_stats: {},
    cpu_stats: cpuStats(now),
    precpu_stats: cpuStats(before),
    memory_stats: memoryStats(now, hostMemory),
    ...(now && Object.keys(now.networks).length > 0
      ? { networks: Object.fromEntries(Object.entries(now.networks).map(([name, counters]) => [name, interfaceStats(counters)])) }
      : {}),
  };
}

function cpuStats(sample: ContainerStats | undefined) {
  const cpu = sample?.cpu;
  return {
    cpu_usage: {
      total_usage: cpu?.usageNs ?? 0,
      ...(cpu && cpu.perCpuNs.length > 0 ? { percpu_usage: cpu.perCpuNs } : {}),
      usage_in_kernelmode: cpu?.systemNs ?? 0,
      usage_in_usermode: cpu?.userNs ?? 0,
    },
    ...(sample ? { system_cpu_usage: sample.systemCpuNs, online_cpus: sample.onlineCpus } : {}),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledNs ?? 0,
    },
  };
}

/** Without a limit the host's memory is the limit. The client subtracts the file cache by `stats`. */
function memoryStats(sample: ContainerStats | undefined, hostMemory: number) {
  const memory = sample?.memory;
  if (!memory) return {};
  const limit = memory.limitBytes > 0 ? Math.min(memory.limitBytes, hostMemory) : hostMemory;
  return {
    usage: memory.usageBytes,
    ...(memory.maxUsageBytes > 0 ? { max_usage: memory.maxUsageBytes } : {}),
    stats: memory.stat,
    limit,
  };
}

function blockStats(sample: ContainerStats | undefined) {
  const entries = sample?.io?.map(({ major, minor, op, bytes }) => ({ major, minor, op: op.toLowerCase(), value: bytes }));
  return {
    io_service_bytes_recursive: entries ?? null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function interfaceStats(counters: InterfaceStats) {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}
