/** OCI runtime spec v1.1 (`config.json`), the part davit writes. https://github.com/opencontainers/runtime-spec/blob/main/config.md */

export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly MountEntry[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: LinuxSpec;
}

export interface ProcessSpec {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: { readonly uid: number; readonly gid: number; readonly umask?: number; readonly additionalGids?: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: CapabilitySets;
  readonly rlimits?: readonly { readonly type: string; readonly hard: number; readonly soft: number }[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
}

export interface CapabilitySets {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted: readonly string[];
  readonly ambient?: readonly string[];
}

export interface MountEntry {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
}

export interface LinuxSpec {
  readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
  readonly cgroupsPath?: string;
  readonly resources?: LinuxResources;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly rootfsPropagation?: string;
  readonly seccomp?: object;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly devices?: readonly LinuxDevice[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface LinuxDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'u' | 'p';
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface LinuxResources {
  readonly devices?: readonly {
    readonly allow: boolean;
    readonly type?: string;
    readonly major?: number;
    readonly minor?: number;
    readonly access?: string;
  }[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: object;
  readonly unified?: Readonly<Record<string, string>>;
}
