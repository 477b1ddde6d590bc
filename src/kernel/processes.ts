/** Short-lived helper programs (iptables-restore, nft, ip, runc). Never blocks the event loop the way child_process.spawn does. */
export interface Processes {
  /** Runs to the end; a non-zero exit is a result, not an error. A missing program is `unavailable` and says which package has it. */
  run(argv: readonly string[], options?: RunOptions, signal?: AbortSignal): Promise<RunResult>;
  /** Sends a signal (number) to one process; `notFound` when there is none. */
  kill(pid: number, signal: number): void;
  /** The start time of a process in clock ticks since boot (field 22 of /proc/pid/stat): pid + start time name a process for good. Undefined when it is gone. */
  startTime(pid: number): number | undefined;
  /** Resolves when the process is gone; at once if it already is. */
  exited(pid: number, signal?: AbortSignal): Promise<void>;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
