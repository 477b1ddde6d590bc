import { closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { KindError, isKind, systemCode, wrap } from '../base/errors.ts';
import { startConmon } from './conmon.ts';
import { AttachStreams } from './attach.ts';
import { findProgram, processExited } from './processes.linux.ts';
import type { Processes } from './processes.ts';
import { runtimeCommands, type RuntimeCommands } from './runtime-commands.ts';
import type { Runtime, RuntimeCreate, RuntimeExec } from './runtime.ts';
import { prepareSupervision, readExit, supervisionPaths, supervisorsAtRest, waitForExit, writeRecord } from './supervision.ts';

export interface RuntimeOptions {
  readonly runtimePath: string;
  readonly conmonPath: string;
  /** Where the runtime keeps its state; its own default when undefined. */
  readonly runtimeRoot?: string;
  readonly processes: Processes;
  /** Ends every wait when the kernel is disposed. */
  readonly lifetime: AbortSignal;
}

export function linuxRuntime(options: RuntimeOptions): Runtime {
  const { runtimePath, runtimeRoot, processes, lifetime } = options;
  if (runtimeRoot !== undefined) mkdirSync(runtimeRoot, { recursive: true, mode: 0o700 });
  const globalArgs = runtimeRoot === undefined ? [] : ['--root', runtimeRoot];
  const commands = runtimeCommands(processes, runtimePath, runtimeRoot);
  return {
    ...commands,
    ...supervised(options, commands, globalArgs),
    async abandon(id, directory) {
      const supervisors = await supervisorsAtRest(directory);
      await commands.delete(id, { force: true });
      for (const pid of supervisors) await processExited(pid, lifetime);
    },
    exitOf: readExit,
    exited: (directory, signal) => waitForExit(directory, either(lifetime, signal)),
  };
}

type Supervised = Pick<Runtime, 'create' | 'exec' | 'attach' | 'resize' | 'reopenLog'>;

/** What goes through conmon. */
function supervised(options: RuntimeOptions, commands: RuntimeCommands, globalArgs: readonly string[]): Supervised {
  /** Streams that an exec opened before its program ran, until somebody attaches. */
  const parked = new Map<string, AttachStreams>();
  options.lifetime.addEventListener('abort', () => parked.forEach((streams) => streams[Symbol.dispose]()), { once: true });
  const supervise = (directory: string, id: string, args: readonly string[], beforeRun?: () => void): Promise<{ readonly pid: number }> =>
    startSupervised(options, globalArgs, { directory, id, args, ...(beforeRun ? { beforeRun } : {}) });

  return {
    async create(request, signal) {
      checkNotAborted(signal);
      const { directory, id } = request;
      await prepareSupervision(directory);
      try {
        const created = await supervise(directory, id, createArgs(request));
        checkNotAborted(signal);
        return created;
      } catch (error) {
        // A name already in use is somebody else's container.
        if (!isKind(error, 'alreadyExists')) await commands.delete(id, { force: true }).catch(() => undefined);
        throw wrap(error, 'OCI runtime create failed');
      }
    },

    async exec(request, signal) {
      checkNotAborted(signal);
      const { directory, id } = request;
      await prepareSupervision(directory);
      const { process: processPath } = supervisionPaths(directory);
      writeFileSync(processPath, JSON.stringify({ ...request.process, terminal: request.terminal }), { mode: 0o600 });
      const park = (): void => {
        parked.set(directory, new AttachStreams(directory, () => parked.delete(directory)));
      };
      try {
        return await supervise(directory, id, execArgs(request, processPath), park);
      } catch (error) {
        parked.get(directory)?.[Symbol.dispose]();
        throw wrap(error, 'OCI runtime exec failed');
      }
    },

    async attach(directory) {
      const streams = parked.get(directory) ?? new AttachStreams(directory);
      streams.claim();
      return streams;
    },

    async resize(directory, size) {
      control(directory, 'resize', `1 ${size.height} ${size.width}`);
    },

    reopenLog(directory) {
      control(directory, 'reopen the log', '2 0 0');
    },
  };
}

interface SupervisedStart {
  readonly directory: string;
  readonly id: string;
  readonly args: readonly string[];
  readonly beforeRun?: () => void;
}

async function startSupervised(
  options: RuntimeOptions,
  globalArgs: readonly string[],
  start: SupervisedStart,
): Promise<{ readonly pid: number }> {
  const { directory, id, args, beforeRun } = start;
  const paths = supervisionPaths(directory);
  const common = [
    '--api-version',
    '1',
    '-c',
    id,
    '-u',
    's',
    '-r',
    findProgram(options.runtimePath),
    '--log-level',
    'error',
    '--no-sync-log',
  ];
  const places = ['-p', paths.pid, '-P', paths.supervisorPid, '--exit-dir', paths.exits, '--socket-dir-path', directory];
  const runtimeArgs = globalArgs.flatMap((arg) => ['--runtime-arg', arg]);
  const program = findProgram(options.conmonPath);
  const pid = await startConmon({
    program,
    args: [...common, ...places, ...runtimeArgs, ...args],
    directory,
    ...(beforeRun ? { beforeRun } : {}),
  });
  writeRecord(directory, id, pid);
  return { pid };
}

/** A signal of its own for each wait, so that listeners do not pile up on the shared one. */
function either(lifetime: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return AbortSignal.any(signal === undefined ? [lifetime] : [signal, lifetime]);
}

function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new KindError('canceled', 'operation canceled');
}

function createArgs(request: RuntimeCreate): readonly string[] {
  // conmon refuses to start over its own leftovers of a bundle that was used before.
  for (const name of ['attach', 'ctl', 'winsz']) rmSync(`${request.bundle}/${name}`, { force: true });
  return [
    '-b',
    request.bundle,
    '-l',
    request.logPath === undefined ? 'none' : `k8s-file:${request.logPath}`,
    ...streamArgs(request.terminal, request.stdin),
    ...(request.stdin && request.stdinOnce !== true ? ['--leave-stdin-open'] : []),
  ];
}

function execArgs(request: RuntimeExec, processPath: string): readonly string[] {
  return [
    '-b',
    request.directory,
    '-l',
    'none',
    '-e',
    '--exec-attach',
    '--exec-process-spec',
    processPath,
    ...streamArgs(request.terminal, request.stdin),
  ];
}

function streamArgs(terminal: boolean, stdin: boolean): readonly string[] {
  return [...(terminal ? ['-t'] : []), ...(stdin ? ['-i'] : [])];
}

/** conmon's control fifo: `1 HEIGHT WIDTH` resizes, `2 0 0` reopens the log. Opening it without waiting fails when conmon has gone. */
function control(directory: string, doing: string, message: string): void {
  try {
    const fd = openSync(supervisionPaths(directory).control, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fd, `${message}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes(systemCode(error) ?? ''))
      throw new KindError('notFound', `cannot ${doing}: it is not running`, { cause: error });
    throw error;
  }
}
