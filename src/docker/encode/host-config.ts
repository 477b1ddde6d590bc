import type { BlkioDevice, Container, DeviceRule, MountSpec, ResourceLimits } from '../../engine/containers/container.ts';
import { parseLink } from '../../engine/containers/links.ts';
import { maskedPaths, readonlyPaths } from '../../engine/containers/runtime-spec.ts';
import { requestFacts } from '../parse/annotation.ts';
import { portBindings } from './ports.ts';

const orNull = <T>(list: readonly T[] | undefined): readonly T[] | null => (list && list.length > 0 ? list : null);

/** HostConfig of `docker inspect`, with dockerd's zero values. */
export function hostConfig(container: Container) {
  const { spec } = container;
  const facts = requestFacts(spec.annotations);
  return {
    Binds: orNull(facts ? facts.Binds : bindsOf(spec.mounts ?? [])),
    ContainerIDFile: facts?.ContainerIDFile ?? '',
    LogConfig: { Type: spec.logDriver ?? 'json-file', Config: facts?.LogOptions ?? {} },
    NetworkMode: spec.sandbox ? `sandbox:${spec.sandbox}` : networkModeOf(container),
    PortBindings: portBindings(spec.ports ?? []),
    RestartPolicy: { Name: spec.restart?.name ?? 'no', MaximumRetryCount: spec.restart?.maximumRetries ?? 0 },
    AutoRemove: spec.autoRemove ?? false,
    VolumeDriver: facts?.VolumeDriver ?? '',
    VolumesFrom: orNull(facts?.VolumesFrom),
    ...(facts?.Mounts?.length ? { Mounts: facts.Mounts } : {}),
    ...(facts?.Tmpfs && Object.keys(facts.Tmpfs).length > 0 ? { Tmpfs: facts.Tmpfs } : {}),
    ...annotationsOf(container),
    ConsoleSize: [spec.consoleSize?.height ?? 0, spec.consoleSize?.width ?? 0],
    ...security(container, facts?.SecurityOpt),
    CgroupnsMode: spec.cgroupMode ?? 'host',
    Dns: spec.dns?.servers ?? [],
    DnsOptions: spec.dns?.options ?? [],
    DnsSearch: spec.dns?.search ?? [],
    ExtraHosts: orNull(spec.extraHosts),
    GroupAdd: orNull(spec.groupAdd),
    IpcMode: spec.ipcMode ?? 'private',
    Cgroup: '',
    Links: orNull(linksOf(container, facts?.Links ?? [])),
    PidMode: spec.pidMode === 'private' ? '' : (spec.pidMode ?? ''),
    PublishAllPorts: spec.publishAll ?? false,
    StorageOpt: null,
    UTSMode: spec.utsMode === 'private' ? '' : (spec.utsMode ?? ''),
    UsernsMode: facts?.UsernsMode ?? '',
    ShmSize: spec.shmBytes ?? 64 * 1024 * 1024,
    ...(spec.sysctls && Object.keys(spec.sysctls).length > 0 ? { Sysctls: spec.sysctls } : {}),
    ...(spec.init === undefined ? {} : { Init: spec.init }),
    Runtime: facts?.Runtime || 'runc',
    Isolation: facts?.Isolation ?? '',
    ...resources(container),
  };
}

export function annotationsOf({ spec }: Container) {
  return Object.keys(spec.runtimeAnnotations ?? {}).length > 0 ? { Annotations: spec.runtimeAnnotations } : {};
}

/** As it was asked for; another container by its ID. */
export function networkModeOf({ spec }: Container): string {
  if (spec.network?.startsWith('container:')) return spec.network;
  return requestFacts(spec.annotations)?.NetworkMode || spec.network || 'bridge';
}

/** Where the host is shared there is nothing for SELinux to tell apart. */
function impliedLabels({ privileged, ipcMode, pidMode }: Container['spec'], given: readonly string[] = []): readonly string[] {
  const isShared = privileged === true || ipcMode === 'host' || pidMode === 'host';
  return isShared && !given.some((option) => option.startsWith('label')) ? ['label=disable'] : [];
}

function security(container: Container, securityOpt: readonly string[] | undefined) {
  const { spec } = container;
  return {
    CapAdd: orNull(spec.capAdd),
    CapDrop: orNull(spec.capDrop),
    Privileged: spec.privileged ?? false,
    ReadonlyRootfs: spec.readonlyRoot ?? false,
    SecurityOpt: orNull([...(securityOpt ?? []), ...impliedLabels(spec, securityOpt)]),
    MaskedPaths: spec.privileged ? null : (spec.maskedPaths ?? maskedPaths),
    ReadonlyPaths: spec.privileged ? null : (spec.readonlyPaths ?? readonlyPaths),
  };
}

function resources(container: Container) {
  const limits: ResourceLimits = container.spec.limits ?? {};
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memoryBytes ?? 0,
    NanoCpus: limits.nanoCpus ?? 0,
    CgroupParent: container.spec.cgroupParent ?? '',
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: blkio(limits, 'weight').map(({ path, amount }) => ({ Path: path, Weight: amount })),
    BlkioDeviceReadBps: blkio(limits, 'readBps').map(rate),
    BlkioDeviceWriteBps: blkio(limits, 'writeBps').map(rate),
    BlkioDeviceReadIOps: blkio(limits, 'readIops').map(rate),
    BlkioDeviceWriteIOps: blkio(limits, 'writeIops').map(rate),
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
    DeviceCgroupRules: orNull(container.spec.deviceRules?.map(deviceRule)),
    DeviceRequests: null,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    MemorySwap: limits.memorySwapBytes ?? (limits.memoryBytes ?? 0) * 2,
    MemorySwappiness: limits.memorySwappiness ?? null,
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

function blkio({ blkioDevices = [] }: ResourceLimits, wanted: BlkioDevice['kind']): readonly BlkioDevice[] {
  return blkioDevices.filter(({ kind }) => kind === wanted);
}

function rate({ path, amount }: BlkioDevice) {
  return { Path: path, Rate: amount };
}

function deviceRule({ type, major, minor, access }: DeviceRule): string {
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`;
}

/** For containers that another front door made. */
function bindsOf(mounts: readonly MountSpec[]): readonly string[] {
  return mounts.flatMap((mount) => {
    if (mount.type === 'tmpfs' || mount.source === undefined) return [];
    return [`${mount.source}:${mount.target}${mount.readOnly ? ':ro' : ''}`];
  });
}

/** On the default bridge `/db:/user/store`, elsewhere as they were given. */
function linksOf({ name, spec }: Container, links: readonly string[]): readonly string[] {
  if ((spec.network ?? 'bridge') !== 'bridge') return links;
  return links.map(parseLink).map(({ target, alias }) => `/${target}:/${name}/${alias}`);
}
