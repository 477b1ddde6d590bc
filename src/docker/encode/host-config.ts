import type { Container, MountSpec, ResourceLimits } from '../../engine/containers/container.ts';
import { requestFacts } from '../parse/annotation.ts';
import { portBindings } from './ports.ts';

/** Paths that runc hides or protects in every unprivileged container. */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const orNull = <T>(list: readonly T[] | undefined): readonly T[] | null => (list && list.length > 0 ? list : null);

/** HostConfig of `docker inspect`, with dockerd's zero values. */
export function hostConfig(container: Container) {
  const { spec } = container;
  const facts = requestFacts(spec.annotations);
  return {
    Binds: orNull(facts?.Binds ?? bindsOf(spec.mounts ?? [])),
    ContainerIDFile: facts?.ContainerIDFile ?? '',
    LogConfig: { Type: spec.logDriver ?? 'json-file', Config: {} },
    NetworkMode: spec.sandbox ? `sandbox:${spec.sandbox}` : facts?.NetworkMode || spec.network || 'bridge',
    PortBindings: portBindings(spec.ports ?? []),
    RestartPolicy: { Name: spec.restart?.name ?? 'no', MaximumRetryCount: spec.restart?.maximumRetries ?? 0 },
    AutoRemove: spec.autoRemove ?? false,
    VolumeDriver: '',
    VolumesFrom: orNull(facts?.VolumesFrom),
    ...(facts?.Mounts?.length ? { Mounts: facts.Mounts } : {}),
    ...(facts?.Tmpfs && Object.keys(facts.Tmpfs).length > 0 ? { Tmpfs: facts.Tmpfs } : {}),
    ...(facts?.Annotations && Object.keys(facts.Annotations).length > 0 ? { Annotations: facts.Annotations } : {}),
    ConsoleSize: [0, 0],
    ...security(container, facts?.SecurityOpt),
    CgroupnsMode: 'host',
    Dns: spec.dns?.servers ?? [],
    DnsOptions: spec.dns?.options ?? [],
    DnsSearch: spec.dns?.search ?? [],
    ExtraHosts: orNull(spec.extraHosts),
    GroupAdd: orNull(spec.groupAdd),
    IpcMode: spec.ipcMode ?? 'private',
    Cgroup: '',
    Links: orNull(facts?.Links),
    PidMode: spec.pidMode === 'private' ? '' : (spec.pidMode ?? ''),
    PublishAllPorts: spec.publishAll ?? false,
    StorageOpt: null,
    UTSMode: spec.utsMode === 'private' ? '' : (spec.utsMode ?? ''),
    UsernsMode: '',
    ShmSize: spec.shmBytes ?? 64 * 1024 * 1024,
    ...(spec.sysctls && Object.keys(spec.sysctls).length > 0 ? { Sysctls: spec.sysctls } : {}),
    ...(spec.init === undefined ? {} : { Init: spec.init }),
    Runtime: 'runc',
    Isolation: '',
    ...resources(container),
  };
}

function security(container: Container, securityOpt: readonly string[] | undefined) {
  const { spec } = container;
  return {
    CapAdd: orNull(spec.capAdd),
    CapDrop: orNull(spec.capDrop),
    Privileged: spec.privileged ?? false,
    ReadonlyRootfs: spec.readonlyRoot ?? false,
    SecurityOpt: orNull(securityOpt),
    MaskedPaths: spec.privileged ? null : maskedPaths,
    ReadonlyPaths: spec.privileged ? null : readonlyPaths,
  };
}

function resources(container: Container) {
  const limits: ResourceLimits = container.spec.limits ?? {};
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memoryBytes ?? 0,
    NanoCpus: limits.nanoCpus ?? 0,
    CgroupParent: container.spec.cgroupParent ?? '',
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: limits.cpuPeriodUs ?? 0,
    CpuQuota: limits.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: limits.cpusetCpus ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    Devices: (container.spec.devices ?? []).map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    MemorySwap: limits.memorySwapBytes ?? (limits.memoryBytes ?? 0) * 2,
    MemorySwappiness: null,
    OomKillDisable: limits.oomKillDisable ?? false,
    OomScoreAdj: limits.oomScoreAdj ?? 0,
    PidsLimit: limits.pids ?? null,
    Ulimits: (container.spec.ulimits ?? []).map((limit) => ({ Name: limit.name, Hard: limit.hard, Soft: limit.soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** For containers that another front door made. */
function bindsOf(mounts: readonly MountSpec[]): readonly string[] {
  return mounts.flatMap((mount) => {
    if (mount.type === 'tmpfs' || mount.source === undefined) return [];
    return [`${mount.source}:${mount.target}${mount.readOnly ? ':ro' : ''}`];
  });
}
