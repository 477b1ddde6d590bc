import { closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { KindError, isKind, systemCode, wrap } from '../base/errors.ts';
import { startConmon } from './conmon.ts';
import { AttachStreams } from './attach.ts';
import { findProgram } from './processes.linux.ts';
import type { Processes } from './processes.ts';
import { runtimeError } from './runc.ts';
import type { Runtime, RuntimeCreate, RuntimeExec, RuntimeState } from './runtime.ts';
import { prepareSupervision, readExit, supervisionPaths, waitForExit, writeRecord } from './supervision.ts';

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
  const { runtimePath, conmonPath, runtimeRoot, processes, lifetime } = options;
  const rootArgs = runtimeRoot === undefined ? [] : ['--root', runtimeRoot];
  /** Streams that an exec opened before its program ran, until somebody attaches. */
  const parked = new Map<string, AttachStreams>();

  const oci = async (doing: string, ...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await processes.run([runtimePath, ...rootArgs, ...args]);
    if (exitCode !== 0) throw wrap(runtimeError(stderr), doing);
    return stdout;
  };

  const conmon = async (directory: string, id: string, args: readonly string[], beforeRun?: () => void): Promise<{ pid: number }> => {
    const common = ['--api-version', '1', '-c', id, '-u', 's', '-r', findProgram(runtimePath), '--log-level', 'error', '--no-sync-log'];
    const paths = supervisionPaths(directory);
    const places = ['-p', paths.pid, '-P', paths.supervisorPid, '--exit-dir', paths.exits, '--socket-dir-path', directory];
    const runtimeArgs = rootArgs.flatMap((arg) => ['--runtime-arg', arg]);
    const pid = await startConmon({
      program: findProgram(conmonPath),
      args: [...common, ...places, ...runtimeArgs, ...args],
      directory,
      ...(beforeRun ? { beforeRun } : {}),
    });
    writeRecord(directory, id, pid);
    return { pid };
  };

  const runtime: Runtime = {
    async version() {
      const { stdout } = await processes.run([runtimePath, '--version']);
      return /^(\S+) version ([0-9][0-9.]*)/.exec(stdout)?.slice(1).join(' ') ?? stdout.split('\n')[0] ?? runtimePath;
    },

    async create(request, signal) {
      signal?.throwIfAborted();
      const { directory, id } = request;
      prepareSupervision(directory);
      try {
        const created = await conmon(directory, id, createArgs(request));
        if (signal?.aborted === true) throw new KindError('canceled', 'operation canceled');
        return created;
      } catch (error) {
        await runtime.delete(id, { force: true }).catch(() => undefined);
        throw wrap(error, 'OCI runtime create failed');
      }
    },

    async start(id) {
      await oci('OCI runtime start failed', 'start', id);
    },

    async kill(id, signal, { all = false } = {}) {
      await oci(`kill container ${id}`, 'kill', ...(all ? ['--all'] : []), id, String(signal));
    },

    async delete(id, { force = false } = {}) {
      try {
        await oci(`delete container ${id}`, 'delete', ...(force ? ['--force'] : []), id);
      } catch (error) {
        if (!isKind(error, 'notFound')) throw error;
      }
    },

    async pause(id) {
      await oci(`pause container ${id}`, 'pause', id);
    },

    async resume(id) {
      await oci(`resume container ${id}`, 'resume', id);
    },

    async update(id, resources) {
      const { exitCode, stderr } = await processes.run([runtimePath, ...rootArgs, 'update', '--resources', '-', id], {
        stdin: JSON.stringify(resources),
      });
      if (exitCode !== 0) throw wrap(runtimeError(stderr), `update container ${id}`);
    },

    async state(id) {
      try {
        const state = JSON.parse(await oci(`state of container ${id}`, 'state', id)) as RuntimeState;
        return { status: state.status, pid: state.pid };
      } catch (error) {
        if (isKind(error, 'notFound')) return undefined;
        throw error;
      }
    },

    async exec(request, signal) {
      signal?.throwIfAborted();
      const { directory, id } = request;
      prepareSupervision(directory);
      const { process: processPath } = supervisionPaths(directory);
      writeFileSync(processPath, JSON.stringify({ ...request.process, terminal: request.terminal }), { mode: 0o600 });
      const park = (): void => {
        parked.set(directory, new AttachStreams(directory, () => parked.delete(directory)));
      };
      try {
        return await conmon(directory, id, execArgs(request, processPath), park);
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
      resize(supervisionPaths(directory).control, size);
    },

    exitOf: readExit,

    exited(directory, signal) {
      return waitForExit(directory, signal === undefined ? lifetime : AbortSignal.any([signal, lifetime]));
    },
  };
  if (runtimeRoot !== undefined) mkdirSync(runtimeRoot, { recursive: true, mode: 0o700 });
  lifetime.addEventListener('abort', () => parked.forEach((streams) => streams[Symbol.dispose]()), { once: true });
  return runtime;
}

function createArgs(request: RuntimeCreate): readonly string[] {
  // conmon refuses to start over its own leftovers of a bundle that was used before.
  for (const name of ['attach', 'ctl', 'winsz']) rmSync(`${request.bundle}/${name}`, { force: true });
  return [
    ...['-b', request.bundle, '-l', request.logPath === undefined ? 'none' : `k8s-file:${request.logPath}`],
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

/** conmon's control fifo: `1 HEIGHT WIDTH`. Opening it without waiting fails when conmon has gone. */
function resize(control: string, size: { readonly width: number; readonly height: number }): void {
  try {
    const fd = openSync(control, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fd, `1 ${size.height} ${size.width}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes(systemCode(error) ?? ''))
      throw new KindError('notFound', 'cannot resize: it is not running', { cause: error });
    throw error;
  }
}
