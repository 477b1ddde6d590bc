import type { Mount } from '../../kernel/mounts.ts';
import type { Readable } from 'node:stream';
import type { CgroupStats } from '../../kernel/cgroups.ts';
import type { SnapshotChange } from '../snapshots/snapshots.ts';
import type { Container, ContainerSpec, ResourceLimits, RestartPolicy } from './container.ts';

/** Containers by ID, unique ID prefix or name. `notFound`: `No such container: x`. */
export interface Containers {
  /** `conflict` when the name is taken, naming the holder; `notFound` when the image is missing. */
  create(spec: ContainerSpec): Promise<{ readonly container: Container; readonly warnings: readonly string[] }>;
  get(reference: string): Promise<Container>;
  /** Cheap: from memory. Newest first. */
  list(): Promise<readonly Container[]>;
  /** Nothing to do when it runs (returns false). A failed start leaves no namespace, mount, link or rule. */
  start(reference: string): Promise<boolean>;
  /** Stop signal, then SIGKILL after the time-out. False when it was not running. */
  stop(reference: string, options?: { readonly timeoutSeconds?: number; readonly signal?: string }): Promise<boolean>;
  restart(reference: string, options?: { readonly timeoutSeconds?: number; readonly signal?: string }): Promise<void>;
  /** `SIGTERM`, `TERM` or `15`. `conflict` when it is not running. */
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  /** `conflict` when it runs and is not forced. `volumes`: its anonymous volumes too. */
  remove(reference: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  update(reference: string, change: { readonly limits?: ResourceLimits; readonly restart?: RestartPolicy }): Promise<void>;
  /** `not-running`: at once if it does not run; `next-exit`; `removed`. */
  wait(
    reference: string,
    condition: 'not-running' | 'next-exit' | 'removed',
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly error?: string }>;
  logs(reference: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
  attach(reference: string, options: { readonly stdin: boolean }): Promise<Attachment>;
  /** Where its parts lie on the host, for tools that look there. */
  places(reference: string): Promise<ContainerPlaces>;
  resize(reference: string, size: { readonly width: number; readonly height: number }): Promise<void>;
  stats(reference: string): Promise<ContainerStats>;
  /** Rows of `ps` for the container's processes. */
  top(
    reference: string,
    psArguments: string,
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }>;
  changes(reference: string): Promise<readonly SnapshotChange[]>;
  /** The whole root file system as a tar. */
  export(reference: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** `docker cp`, safe against symlinks that change meanwhile. */
  readArchive(
    reference: string,
    path: string,
    signal?: AbortSignal,
  ): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }>;
  writeArchive(
    reference: string,
    path: string,
    tar: Readable,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwnership: boolean },
    signal?: AbortSignal,
  ): Promise<void>;
  statPath(reference: string, path: string): Promise<PathStat>;
  commit(reference: string, options: CommitOptions): Promise<string>;
  /** Removes all stopped ones. */
  prune(): Promise<{ readonly ids: readonly string[]; readonly bytes: number }>;
  /** Size of the writable layer and of the whole root file system, in bytes. */
  size(reference: string): Promise<{ readonly writable: number; readonly root: number }>;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly since?: Date;
  readonly until?: Date;
  /** Undefined: all. */
  readonly tail?: number;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** With its newline, when it had one. */
  readonly data: Buffer;
}

/** A connection to the streams of a container or exec. Disposing it detaches and leaves the process alone. */
export interface Attachment extends Disposable {
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }>;
  write(data: Uint8Array): Promise<void>;
  endInput(): void;
}

export interface ContainerStats extends CgroupStats {
  readonly read: Date;
  readonly systemCpuNs: number;
  readonly onlineCpus: number;
  /** By interface name inside the container. */
  readonly networks: Readonly<Record<string, InterfaceStats>>;
}

export interface InterfaceStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Unix mode with file type bits. */
  readonly mode: number;
  readonly modifiedAt: Date;
  readonly linkTarget: string;
}

export interface CommitOptions {
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  readonly changes?: readonly string[];
  readonly pause: boolean;
}

export interface ContainerPlaces {
  /** The mount of its root, there while it runs. */
  readonly root: Mount;
  /** The folder with its hosts, hostname and resolv.conf; undefined when it does not run or shares another's. */
  readonly etc: string | undefined;
  /** Its pinned network namespace, while it runs and has one. */
  readonly netns: string | undefined;
}
