import type { Digest } from '../../base/digest.ts';
import type { HealthConfig } from '../../api/oci/image.ts';
import type { LogLimits } from '../logs/rotate-log.ts';
import type { Endpoint, EndpointSpec, PortBinding } from '../network/networks.ts';

/** What was asked for; never changes after creation, but for `limits` and `restart` (docker update) and `name` (rename). */
export interface ContainerSpec {
  /** Without leading slash; `adjective_noun` is made up when absent. */
  readonly name?: string;
  readonly image: string;
  /** Undefined: the image's. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** `KEY=value`, added to the image's. `KEY` alone removes it. */
  readonly env?: readonly string[];
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly workingDirectory?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  /** Of the terminal, in characters, before any client resizes it. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly openStdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly exposedPorts?: readonly string[];
  readonly stopSignal?: string;
  readonly stopTimeoutSeconds?: number;
  readonly healthcheck?: HealthConfig;
  readonly autoRemove?: boolean;
  readonly restart?: RestartPolicy;
  readonly limits?: ResourceLimits;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly privileged?: boolean;
  readonly readonlyRoot?: boolean;
  readonly noNewPrivileges?: boolean;
  /** Default: Docker's profile. */
  readonly seccomp?: 'default' | 'unconfined' | object;
  readonly mounts?: readonly MountSpec[];
  readonly devices?: readonly { readonly hostPath: string; readonly containerPath: string; readonly permissions: string }[];
  readonly deviceRules?: readonly DeviceRule[];
  readonly network?: NetworkMode;
  /** Networks besides or instead of `network`, by name, with their endpoint settings. */
  readonly endpoints?: Readonly<Record<string, EndpointSpec>>;
  readonly ports?: readonly PortBinding[];
  readonly publishAll?: boolean;
  readonly extraHosts?: readonly string[];
  readonly dns?: { readonly servers?: readonly string[]; readonly search?: readonly string[]; readonly options?: readonly string[] };
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ulimits?: readonly Ulimit[];
  readonly shmBytes?: number;
  readonly init?: boolean;
  readonly pidMode?: 'private' | 'host' | `container:${string}`;
  readonly ipcMode?: 'private' | 'host' | 'shareable' | 'none' | `container:${string}`;
  readonly utsMode?: 'private' | 'host';
  /** Default: the host's with cgroup v1, its own with v2. */
  readonly cgroupMode?: 'private' | 'host';
  /** Undefined: Docker's. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly logDriver?: 'json-file' | 'local' | 'none';
  /** Default: three files of 10 MB. */
  readonly logLimits?: LogLimits;
  /** Absolute path that gets the CRI-format log instead of the engine's own place (the kubelet uses it). */
  readonly logPath?: string;
  /** Pod sandbox whose net, ipc and uts namespaces, hosts and resolv.conf it joins; excludes `network`, `endpoints`, `ports`. */
  readonly sandbox?: string;
  /** Parent cgroup instead of the engine's, e.g. `/davit/pods/<uid>`. */
  readonly cgroupParent?: string;
  /** For the runtime and its hooks, in its config.json. */
  readonly runtimeAnnotations?: Readonly<Record<string, string>>;
  /** Opaque to the engine: what the Docker API must give back in inspect. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** `disconnected`: taken off its last network; unlike `none` it may be connected again. */
export type NetworkMode = 'bridge' | 'host' | 'none' | 'disconnected' | `container:${string}` | (string & {});

/** One line of the device control group; undefined numbers mean all. */
export interface DeviceRule {
  readonly type: 'a' | 'b' | 'c';
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: string;
}

export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** For on-failure; 0 = for ever. */
  readonly maximumRetries: number;
}

/** Undefined or 0: no limit. */
export interface ResourceLimits {
  readonly memoryBytes?: number;
  /** Memory plus swap; -1 = unlimited swap. Default: twice the memory, as Docker. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  /** `--cpus 1.5` = 1500000000. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pids?: number;
  readonly memorySwappiness?: number;
  /** 10–1000. */
  readonly blkioWeight?: number;
  readonly blkioDevices?: readonly BlkioDevice[];
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
}

/** A limit for one block device: a weight, bytes or operations per second. */
export interface BlkioDevice {
  readonly kind: 'weight' | 'readBps' | 'writeBps' | 'readIops' | 'writeIops';
  /** `/dev/sda`. */
  readonly path: string;
  readonly amount: number;
}

export type MountSpec =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly propagation?: string;
      readonly createSource?: boolean;
      /** Without what is mounted below it. */
      readonly nonRecursive?: boolean;
      /** Read-only, but not what is mounted below it. Default: all of it. */
      readonly readOnlyNonRecursive?: boolean;
    }
  /** `source` undefined: an anonymous volume. Populated from the image when empty, unless `noCopy`. */
  | {
      readonly type: 'volume';
      readonly source?: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly noCopy?: boolean;
      readonly subpath?: string;
      /** Of the volume, when it is made for this. */
      readonly labels?: Readonly<Record<string, string>>;
      readonly driverOptions?: Readonly<Record<string, string>>;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly options: readonly string[] };

/** Facts about a container; the state is derived from them (`stateOf`). */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly imageId: Digest;
  /** The resolved program and its arguments. */
  readonly path: string;
  readonly args: readonly string[];
  /** Image's and own environment, merged. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly pausedAt: Date | undefined;
  /** Host pid while running. */
  readonly pid: number | undefined;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  /** Why it could not start. */
  readonly error: string | undefined;
  readonly restartCount: number;
  readonly isRestarting: boolean;
  readonly isRemoving: boolean;
  /** Stopped by a user: keeps `unless-stopped` from restarting it. */
  readonly stoppedByUser: boolean;
  readonly health: Health | undefined;
  readonly endpoints: readonly Endpoint[];
  /** With the ports that were chosen. */
  readonly ports: readonly PortBinding[];
  readonly mounts: readonly ResolvedMount[];
  readonly logPath: string | undefined;
  readonly execIds: readonly string[];
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  readonly log: readonly { readonly start: Date; readonly end: Date; readonly exitCode: number; readonly output: string }[];
}

export interface Ulimit {
  /** `nofile`. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface ResolvedMount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  readonly name?: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation: string;
  /** Of a volume: only this part of it, relative. */
  readonly subpath?: string;
  readonly nonRecursive?: boolean;
  readonly readOnlyNonRecursive?: boolean;
}
