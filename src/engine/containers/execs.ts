import type { Attachment } from './containers.ts';

/** Processes started inside running containers. Kept until the container is removed. */
export interface Execs {
  /** `conflict` when the container does not run. */
  create(containerReference: string, spec: ExecSpec): Promise<string>;
  get(id: string): Promise<Exec>;
  /** Starts it and connects to its streams; detached: undefined. */
  start(
    id: string,
    options: { readonly detach: boolean; readonly size?: { readonly width: number; readonly height: number } },
  ): Promise<Attachment | undefined>;
  resize(id: string, size: { readonly width: number; readonly height: number }): Promise<void>;
  /** Resolves with the exit code. */
  wait(id: string, signal: AbortSignal): Promise<number>;
  /** Runs to the end with output limited to `maxBytes` (probes, health checks). Past the time-out the process is killed and `timedOut` is set. */
  run(
    containerReference: string,
    spec: Omit<ExecSpec, 'tty' | 'openStdin'>,
    options: { readonly timeoutMs: number; readonly maxBytes: number },
  ): Promise<ExecResult>;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly tty?: boolean;
  readonly consoleSize?: { readonly width: number; readonly height: number };
  readonly openStdin?: boolean;
  readonly privileged?: boolean;
  /** Opaque to the engine: what a client wants to leave a terminal with. */
  readonly detachKeys?: string;
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly pid: number | undefined;
  readonly isRunning: boolean;
  readonly exitCode: number | undefined;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly output: string;
  readonly timedOut: boolean;
}
