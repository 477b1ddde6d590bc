import type { LinuxResources, ProcessSpec } from '../api/oci/runtime.ts';

/**
 * Containers: an OCI runtime (runc) supervised by conmon, one conmon per container or exec.
 * conmon is not a child of davit: it keeps logs, the terminal and the exit code when davit is gone.
 *
 *   create ──► created ──start──► running ──► stopped ──delete──► gone
 */
export interface Runtime {
  /** `<name> <version>` of the OCI runtime, e.g. `runc 1.1.5`. */
  version(): Promise<string>;
  create(request: RuntimeCreate, signal?: AbortSignal): Promise<{ readonly pid: number }>;
  start(id: string): Promise<void>;
  /** `all`: every process of the container. `notFound` when it is not running. */
  kill(id: string, signal: number, options?: { readonly all?: boolean }): Promise<void>;
  /** Kills what still runs when forced; succeeds when there is no such container. */
  delete(id: string, options?: { readonly force?: boolean }): Promise<void>;
  /**
   * Ends a container that an earlier davit was creating in this directory when it was killed: nobody has its pid, and its
   * supervisor may not even have come to calling the runtime. Resolves when both are gone; harmless when nothing is there.
   */
  abandon(id: string, directory: string): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: LinuxResources): Promise<void>;
  state(id: string): Promise<RuntimeState | undefined>;
  exec(request: RuntimeExec, signal?: AbortSignal): Promise<{ readonly pid: number }>;
  /** Connects to the streams of a container or exec: `directory` as given to create or exec. */
  attach(directory: string): Promise<RuntimeStreams>;
  resize(directory: string, size: { readonly width: number; readonly height: number }): Promise<void>;
  /** The log goes on in a new file at its path; what was there is kept by whoever renamed it. `notFound` when nothing writes any more. */
  reopenLog(directory: string): void;
  /** Exit of a container or exec, as written by conmon; undefined while it runs. Survives davit. */
  exitOf(directory: string): RuntimeExit | undefined;
  /** Resolves with the exit, however long it takes; at once if it already is there. No polling. */
  exited(directory: string, signal?: AbortSignal): Promise<RuntimeExit>;
}

export interface RuntimeCreate {
  readonly id: string;
  /** Holds config.json; the rootfs is mounted where config.json says. */
  readonly bundle: string;
  /** Private folder of this supervision: pid file, exit file, attach socket, control fifo. Made if missing. Short: socket paths end at 107 bytes. */
  readonly directory: string;
  /** CRI log format: `<RFC3339Nano> stdout|stderr F|P <text>`. Undefined: no log. */
  readonly logPath?: string;
  readonly terminal: boolean;
  /** Keep a stdin pipe; closed when the first attached writer ends if `stdinOnce`. */
  readonly stdin: boolean;
  readonly stdinOnce?: boolean;
}

export interface RuntimeExec {
  readonly id: string;
  readonly execId: string;
  readonly directory: string;
  readonly process: ProcessSpec;
  readonly terminal: boolean;
  readonly stdin: boolean;
}

export interface RuntimeState {
  readonly status: 'creating' | 'created' | 'running' | 'paused' | 'stopped';
  readonly pid: number;
}

export interface RuntimeExit {
  /** 0–255; 128 + n when killed by signal n. */
  readonly code: number;
  readonly at: Date;
  /** The kernel killed one of its processes for memory. */
  readonly oomKilled?: boolean;
}

export interface RuntimeStreams extends Disposable {
  /** Ends when the container or exec has closed its output. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }>;
  /** Resolves when the kernel has taken it (back-pressure). */
  write(data: Uint8Array): Promise<void>;
  /** Closes the container's stdin (half-close); output goes on. */
  endInput(): void;
}
