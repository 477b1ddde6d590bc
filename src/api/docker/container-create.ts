import { anything, flag, integer, list, map, orElse, record, text, words, type Of } from './shape.ts';

/** Body of `POST /containers/create` as clients send it: `Config` inlined, with HostConfig and NetworkingConfig. */
const healthcheck = record({
  Test: list(text),
  Interval: integer,
  Timeout: integer,
  Retries: integer,
  StartPeriod: integer,
  StartInterval: integer,
});

export const endpointSettings = record({
  IPAMConfig: record({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: list(text) }),
  Links: list(text),
  Aliases: list(text),
  MacAddress: text,
  DriverOpts: map(text),
  GwPriority: integer,
});

const restartPolicy = record({ Name: text, MaximumRetryCount: integer });

const mount = record({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: record({
    Propagation: text,
    NonRecursive: flag,
    CreateMountpoint: flag,
    ReadOnlyNonRecursive: flag,
    ReadOnlyForceRecursive: flag,
  }),
  VolumeOptions: record({
    NoCopy: flag,
    Labels: map(text),
    Subpath: text,
    DriverConfig: record({ Name: text, Options: map(text) }),
  }),
  TmpfsOptions: record({ SizeBytes: integer, Mode: integer, Options: list(list(text)) }),
  ImageOptions: record({ Subpath: text }),
});

const throttleDevice = record({ Path: text, Rate: integer });

/** What `docker update` can change as well. */
const resources = {
  Memory: integer,
  MemorySwap: integer,
  MemoryReservation: integer,
  MemorySwappiness: integer,
  KernelMemory: integer,
  KernelMemoryTCP: integer,
  NanoCpus: integer,
  CpuShares: integer,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpusetCpus: text,
  CpusetMems: text,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  PidsLimit: integer,
  BlkioWeight: integer,
  BlkioWeightDevice: list(record({ Path: text, Weight: integer })),
  BlkioDeviceReadBps: list(throttleDevice),
  BlkioDeviceWriteBps: list(throttleDevice),
  BlkioDeviceReadIOps: list(throttleDevice),
  BlkioDeviceWriteIOps: list(throttleDevice),
  OomKillDisable: flag,
  CgroupParent: text,
  DeviceCgroupRules: list(text),
  DeviceRequests: list(anything),
  Devices: list(record({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  Ulimits: list(record({ Name: text, Soft: integer, Hard: integer })),
  CpuCount: integer,
  CpuPercent: integer,
  IOMaximumIOps: integer,
  IOMaximumBandwidth: integer,
} as const;

const hostConfig = record({
  ...resources,
  Binds: list(text),
  ConsoleSize: list(integer),
  ContainerIDFile: text,
  LogConfig: record({ Type: text, Config: map(text) }),
  NetworkMode: text,
  PortBindings: map(orElse(list(record({ HostIp: text, HostPort: text })), [])),
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: list(text),
  Mounts: list(mount),
  Annotations: map(text),
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: list(text),
  DnsOptions: list(text),
  DnsSearch: list(text),
  ExtraHosts: list(text),
  GroupAdd: list(text),
  IpcMode: text,
  Cgroup: text,
  Links: list(text),
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: list(text),
  StorageOpt: map(text),
  Tmpfs: map(text),
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: map(text),
  Runtime: text,
  Isolation: text,
  Init: flag,
  MaskedPaths: list(text),
  ReadonlyPaths: list(text),
});

export const containerCreate = record({
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: map(anything),
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: list(text),
  Cmd: words,
  Healthcheck: healthcheck,
  ArgsEscaped: flag,
  Image: text,
  Volumes: map(anything),
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: list(text),
  Labels: map(text),
  StopSignal: text,
  StopTimeout: integer,
  Shell: words,
  HostConfig: hostConfig,
  NetworkingConfig: record({ EndpointsConfig: map(orElse(endpointSettings, {})) }),
});

export const containerUpdate = record({ ...resources, RestartPolicy: restartPolicy });

export type ContainerCreate = Of<typeof containerCreate>;
export type ContainerUpdate = Of<typeof containerUpdate>;
export type HostConfig = Of<typeof hostConfig>;
export type MountRequest = Of<typeof mount>;
export type EndpointSettings = Of<typeof endpointSettings>;
export type HealthcheckRequest = Of<typeof healthcheck>;
