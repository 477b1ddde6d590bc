import { abortable } from '../base/abort.ts';
import { KindError } from '../base/errors.ts';
import type { Processes, RunOptions, RunResult } from './processes.ts';

export interface FakeProcesses extends Processes {
  /** Every program that was run. */
  readonly runs: readonly { readonly argv: readonly string[]; readonly stdin?: string }[];
  /** Answers `run` for a program; unknown programs are missing. */
  program(name: string, body: (argv: readonly string[], options: RunOptions) => Partial<RunResult>): void;
  /** A new process, its pid. */
  begin(pid?: number): number;
  end(pid: number): void;
  /** Called for every signal sent; by default TERM and KILL end the process. */
  onKill(pid: number, body: (signal: number) => void): void;
}

interface FakeProcess {
  readonly startTime: number;
  readonly ended: Promise<void>;
  readonly end: () => void;
  onKill: (signal: number) => void;
}

export function fakeProcesses(): FakeProcesses {
  const runs: { readonly argv: readonly string[]; readonly stdin?: string }[] = [];
  const programs = new Map<string, (argv: readonly string[], options: RunOptions) => Partial<RunResult>>();
  const table = new Map<number, FakeProcess>();
  let lastPid = 100_000;
  let clock = 0;
  const get = (pid: number): FakeProcess => {
    const found = table.get(pid);
    if (!found) throw new KindError('notFound', `no process ${pid}`);
    return found;
  };
  const fake: FakeProcesses = {
    runs,
    program: (name, body) => void programs.set(name, body),

    begin(pid = ++lastPid) {
      const { promise, resolve } = Promise.withResolvers<void>();
      table.set(pid, {
        startTime: ++clock,
        ended: promise,
        end: resolve,
        onKill: (signal) => (signal === 9 || signal === 15 ? fake.end(pid) : undefined),
      });
      return pid;
    },

    end(pid) {
      table.get(pid)?.end();
      table.delete(pid);
    },

    onKill(pid, body) {
      get(pid).onKill = body;
    },

    async run(argv, options = {}, signal) {
      if (signal?.aborted === true) throw new KindError('canceled', 'operation canceled');
      const body = programs.get(argv[0] ?? '');
      if (!body) throw new KindError('unavailable', `cannot run ${argv[0]}: no such program`);
      const stdin =
        options.stdin === undefined
          ? {}
          : { stdin: typeof options.stdin === 'string' ? options.stdin : Buffer.from(options.stdin).toString() };
      runs.push({ argv, ...stdin });
      return { exitCode: 0, stdout: '', stderr: '', ...body(argv, options) };
    },

    kill(pid, signal) {
      const found = get(pid);
      if (signal !== 0) found.onKill(signal);
    },

    startTime: (pid) => table.get(pid)?.startTime,

    exited(pid, signal) {
      const ended = table.get(pid)?.ended ?? Promise.resolve();
      return signal === undefined ? ended : abortable(ended, signal);
    },
  };
  return fake;
}
