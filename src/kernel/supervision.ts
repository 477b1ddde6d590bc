import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { abortable } from '../base/abort.ts';
import { KindError, systemCode } from '../base/errors.ts';
import { isDead, processExited, startTimeOf } from './processes.linux.ts';
import type { RuntimeExit } from './runtime.ts';

/**
 * The files of one supervision, in its private directory. They alone carry what davit must know after a restart.
 *
 *   record.json     who is supervised by whom (written last: without it nothing was started)
 *   exit/<id>       exit code, renamed into place by conmon after the last output
 *   oom             made by conmon when the kernel killed for memory
 *   s               conmon's link to the folder of `attach` (SEQPACKET socket) and `ctl` (fifo); gone after the exit
 */
export interface SupervisionRecord {
  /** Container; also conmon's name for the exit file. */
  readonly id: string;
  readonly pid: number;
  readonly startTime: number | undefined;
  readonly supervisorPid: number;
  readonly supervisorStartTime: number | undefined;
}

export const supervisionPaths = (directory: string) =>
  ({
    record: join(directory, 'record.json'),
    exits: join(directory, 'exit'),
    oom: join(directory, 'oom'),
    pid: join(directory, 'pid'),
    supervisorPid: join(directory, 'conmon.pid'),
    process: join(directory, 'process.json'),
    errors: join(directory, 'conmon.log'),
    attach: join(directory, 's', 'attach'),
    control: join(directory, 's', 'ctl'),
  }) as const;

/**
 * Makes the directory, without traces of an earlier supervision. One that goes on is not given up; one that has written
 * its exit file is awaited, since conmon's last act is to remove the link `s`, which by then would be its successor's.
 */
export async function prepareSupervision(directory: string): Promise<void> {
  const paths = supervisionPaths(directory);
  const record = readRecord(directory);
  if (record && isAlive(record.supervisorPid, record.supervisorStartTime)) {
    if (!readExit(directory)) throw new KindError('alreadyExists', `${directory} supervises ${record.id} already`);
    await processExited(record.supervisorPid);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const path of [paths.record, paths.exits, paths.oom, paths.pid, paths.supervisorPid]) rmSync(path, { recursive: true, force: true });
  mkdirSync(paths.exits, { mode: 0o700 });
}

export function writeRecord(directory: string, id: string, pid: number): void {
  const paths = supervisionPaths(directory);
  const supervisorPid = Number(readFileSync(paths.supervisorPid, 'utf8'));
  const record: SupervisionRecord = {
    id,
    pid,
    startTime: startTimeOf(pid),
    supervisorPid,
    supervisorStartTime: startTimeOf(supervisorPid),
  };
  writeFileSync(paths.record, JSON.stringify(record));
}

export function readRecord(directory: string): SupervisionRecord | undefined {
  const text = readIfThere(supervisionPaths(directory).record);
  return text === undefined ? unrecorded(directory) : (JSON.parse(text) as SupervisionRecord);
}

/** Davit died between conmon's start and the record. Without start times a pid proves nothing, unless a conmon has it. */
function unrecorded(directory: string): SupervisionRecord | undefined {
  const supervisorPid = Number(readIfThere(supervisionPaths(directory).supervisorPid) ?? 0);
  if (supervisorPid === 0) return undefined;
  const isConmon = readIfThere(`/proc/${supervisorPid}/comm`)?.trim() === 'conmon';
  return {
    id: 'unrecorded',
    pid: 0,
    startTime: undefined,
    supervisorPid,
    supervisorStartTime: isConmon ? startTimeOf(supervisorPid) : undefined,
  };
}

/** Supervisors of this directory that have created their process; those that are still about to are awaited. */
export async function supervisorsAtRest(directory: string): Promise<readonly number[]> {
  for (;;) {
    const pids = supervisorsOf(directory);
    if (pids.length === 0 || isFile(supervisionPaths(directory).pid)) return pids;
    const change = new AbortController();
    const { promise: written, resolve } = Promise.withResolvers<void>();
    const watcher = watch(directory, () => resolve());
    try {
      if (!isFile(supervisionPaths(directory).pid))
        await Promise.race([written, ...pids.map((pid) => processExited(pid, change.signal).catch(() => undefined))]);
    } finally {
      change.abort();
      watcher.close();
    }
  }
}

/** By their command lines: before conmon has written its pid file nothing else tells. */
function supervisorsOf(directory: string): readonly number[] {
  const mark = `\0--socket-dir-path\0${directory}\0`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readIfThere(`/proc/${name}/cmdline`)?.includes(mark))
    .map(Number);
}

export function readExit(directory: string): RuntimeExit | undefined {
  const paths = supervisionPaths(directory);
  const [name] = exitFiles(paths.exits);
  if (name === undefined) return undefined;
  const path = join(paths.exits, name);
  const code = Number(readFileSync(path, 'utf8'));
  return { code, at: statSync(path).mtime, oomKilled: isFile(paths.oom) };
}

/** Waits for the exit file; a supervisor that died without writing it is replaced by this. */
export async function waitForExit(directory: string, signal: AbortSignal): Promise<RuntimeExit> {
  const found = readExit(directory);
  if (found) return found;
  const record = readRecord(directory);
  if (!record) throw new KindError('notFound', `nothing was ever started in ${directory}`);
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);
  try {
    return await Promise.race([abortable(exitFileAppears(directory, ending.signal), signal), supervisorLost(directory, record, stop)]);
  } finally {
    ending.abort();
  }
}

/** inotify, and one look after the watch began. */
function exitFileAppears(directory: string, signal: AbortSignal): Promise<RuntimeExit> {
  const { promise, resolve, reject } = Promise.withResolvers<RuntimeExit>();
  const look = (): void => {
    try {
      const exit = readExit(directory);
      if (exit) resolve(exit);
    } catch (error) {
      reject(error);
    }
  };
  const watcher = watch(supervisionPaths(directory).exits, look);
  signal.addEventListener('abort', () => watcher.close(), { once: true });
  watcher.on('error', reject);
  look();
  return promise;
}

/** Resolves only when the supervisor is gone: with its exit file, or else with one written in its stead. */
async function supervisorLost(directory: string, record: SupervisionRecord, signal: AbortSignal): Promise<RuntimeExit> {
  const { supervisorPid, supervisorStartTime, pid, startTime } = record;
  if (isAlive(supervisorPid, supervisorStartTime)) await processExited(supervisorPid, signal);
  const written = readExit(directory);
  if (written) return written;
  const isOrphan = isAlive(pid, startTime);
  if (isOrphan) {
    // Nobody would ever know how it ends, and its output pipes are broken.
    process.kill(pid, 'SIGKILL');
    await processExited(pid, signal);
  }
  const killed = 128 + 9;
  const unknown = 255;
  return keepExit(directory, record.id, isOrphan ? killed : unknown);
}

/** So that every later question gets the same answer; nobody asks once the directory is gone. */
function keepExit(directory: string, id: string, code: number): RuntimeExit {
  try {
    writeFileSync(join(supervisionPaths(directory).exits, id), String(code));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return readExit(directory) ?? { code, at: new Date() };
}

function isAlive(pid: number, startTime: number | undefined): boolean {
  return startTime !== undefined && startTimeOf(pid) === startTime && !isDead(pid);
}

/** conmon writes a temporary `<id>.XXXXXX` beside it first. */
function exitFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !/\.[A-Za-z0-9]{6}$/.test(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
