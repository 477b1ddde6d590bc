import type { EngineConfig } from '../../engine/engine.ts';
import { noProxies, withoutPassword } from '../../engine/registry/proxies.ts';

export interface InfoFacts {
  readonly config: EngineConfig;
  /** Of this engine, for good. */
  readonly id: string;
  readonly containers: { readonly all: number; readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly version: string;
  readonly cgroupVersion: 1 | 2;
  readonly now: Date;
  readonly host: {
    readonly kernel: string;
    readonly machine: string;
    readonly processors: number;
    /** Bytes. */
    readonly memory: number;
    readonly os: { readonly name: string; readonly version: string };
  };
}

/** `GET /info`. */
export function systemInfo(facts: InfoFacts) {
  const { config, containers, host } = facts;
  const proxies = config.registries?.proxies ?? noProxies;
  return {
    ID: facts.id,
    Containers: containers.all,
    ContainersRunning: containers.running,
    ContainersPaused: containers.paused,
    ContainersStopped: containers.stopped,
    Images: facts.images,
    Driver: 'overlay2',
    DriverStatus: [
      ['Supports d_type', 'true'],
      ['Native Overlay Diff', 'true'],
    ],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'macvlan', 'null'], Authorization: null, Log: ['json-file', 'local'] },
    ...limitsSupport,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: facts.cgroupVersion === 1,
    NGoroutines: 0,
    SystemTime: facts.now.toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(facts.cgroupVersion),
    NEventsListener: 0,
    KernelVersion: host.kernel,
    OperatingSystem: host.os.name,
    OSVersion: host.os.version,
    OSType: 'linux',
    Architecture: host.machine,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registries,
    NCPU: host.processors,
    MemTotal: host.memory,
    GenericResources: null,
    DockerRootDir: config.dataRoot,
    HttpProxy: withoutPassword(proxies.http),
    HttpsProxy: withoutPassword(proxies.https),
    NoProxy: proxies.no,
    Name: config.hostName,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: facts.version,
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: '',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: ['name=seccomp,profile=builtin'],
    CDISpecDirs: [],
    Warnings: null,
  };
}

const limitsSupport = {
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
};

const registries = {
  AllowNondistributableArtifactsCIDRs: null,
  AllowNondistributableArtifactsHostnames: null,
  InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
  IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } },
  Mirrors: null,
};
