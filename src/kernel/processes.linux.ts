import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { delimiter, isAbsolute, join } from 'node:path';
import { KindError, systemCode } from '../base/errors.ts';
import { pipe } from './native.ts';
import { openPidfd, poll } from './poll.ts';
import type { Processes, RunOptions, RunResult } from './processes.ts';
import { spawn, type Child } from './spawn.ts';

/** Debian package of each program that davit runs. */
const packages: Readonly<Record<string, string>> = {
  runc: 'runc',
  conmon: 'conmon',
  'iptables-restore': 'iptables',
  'iptables-save': 'iptables',
  'ip6tables-restore': 'iptables',
  'ip6tables-save': 'iptables',
  iptables: 'iptables',
  nft: 'nftables',
  ip: 'iproute2',
  debootstrap: 'debootstrap',
  mmdebstrap: 'mmdebstrap',
  'mkfs.ext4': 'e2fsprogs',
};

/** `lifetime`: ends every wait that nobody else ended, so that the process is free to exit. */
export function linuxProcesses(lifetime: AbortSignal): Processes {
  return {
    run,

    kill(pid, signal) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if (systemCode(error) === 'ESRCH') throw new KindError('notFound', `no process ${pid}`, { cause: error });
        throw error;
      }
    },

    startTime: startTimeOf,

    exited(pid, signal) {
      return processExited(pid, AbortSignal.any(signal === undefined ? [lifetime] : [signal, lifetime]));
    },
  };
}

/** Start time in clock ticks since boot; undefined when there is no such process. */
export function startTimeOf(pid: number): number | undefined {
  try {
    // The name (field 2) is in parentheses and may hold spaces; the rest starts at field 3.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3]);
  } catch {
    return undefined;
  }
}

/** It has ended, whether or not its parent has noticed (state Z or X). */
export function isDead(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return ['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return true;
  }
}

/** Resolves when the process has ended, reaped or not. */
export function processExited(pid: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.reject(canceled());
  const fd = openPidfd(pid);
  if (fd === undefined) return Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const finish = (): void => {
    handle[Symbol.dispose]();
    closeSync(fd);
    signal?.removeEventListener('abort', onAbort);
  };
  const onAbort = (): void => {
    finish();
    reject(canceled());
  };
  const handle = poll(fd, { readable: true }, () => {
    finish();
    resolve();
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  return promise;
}

async function run(argv: readonly string[], options: RunOptions = {}, signal?: AbortSignal): Promise<RunResult> {
  checkNotAborted(signal);
  const program = findProgram(argv[0] ?? '');
  const { child, stdin, stdout, stderr } = spawnPiped(program, argv, options);
  const onAbort = (): void => {
    try {
      process.kill(child.pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const [exitCode, out, err] = await Promise.all([
      child.exitCode,
      readAll(stdout),
      readAll(stderr),
      stdin && writeAll(stdin, options.stdin ?? ''),
    ]);
    checkNotAborted(signal);
    return { exitCode, stdout: out, stderr: err };
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

interface Piped {
  readonly child: Child;
  /** Our ends of the pipes; no stdin pipe when there is nothing to say. */
  readonly stdin: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

function spawnPiped(program: string, argv: readonly string[], options: RunOptions): Piped {
  const opened: number[] = [];
  const open = (): readonly [number, number] => {
    const ends = pipe();
    opened.push(...ends);
    return ends;
  };
  try {
    const [outRead, outWrite] = open();
    const [errRead, errWrite] = open();
    const [inRead, inWrite] = options.stdin === undefined ? [openSync('/dev/null', 'r'), undefined] : open();
    if (inWrite === undefined) opened.push(inRead);
    const child = spawn({
      program,
      argv,
      env: options.env ?? (process.env as Record<string, string>),
      descriptors: [inRead, outWrite, errWrite],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    for (const fd of [inRead, outWrite, errWrite]) closeSync(fd);
    return { child, stdin: inWrite, stdout: outRead, stderr: errRead };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  }
}

async function readAll(fd: number): Promise<string> {
  const socket = new Socket({ fd, readable: true, writable: false });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A program that stops reading (EPIPE) tells why by its exit code. */
function writeAll(fd: number, data: string | Uint8Array): Promise<void> {
  const socket = new Socket({ fd, readable: false, writable: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('error', () => undefined);
  socket.on('close', () => resolve());
  socket.end(data);
  return promise;
}

/** Absolute path of a program; administrators' folders are searched even where PATH lacks them. */
export function findProgram(name: string): string {
  const before = foundPrograms.get(name);
  if (before !== undefined && isExecutable(before)) return before;
  const found = searchProgram(name);
  foundPrograms.set(name, found);
  return found;
}

/** Where programs were found last: looked at once more before each use, searched for only when they have gone. */
const foundPrograms = new Map<string, string>();

function searchProgram(name: string): string {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
  ];
  const candidates = isAbsolute(name) ? [name] : folders.filter((folder) => folder !== '').map((folder) => join(folder, name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const known = packages[name.slice(name.lastIndexOf('/') + 1)];
  throw new KindError(
    'unavailable',
    `cannot run ${name}: no such program${known === undefined ? '' : ` (install the Debian package ${known}: apt-get install ${known})`}`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw canceled();
}

function canceled(): KindError {
  return new KindError('canceled', 'operation canceled');
}
