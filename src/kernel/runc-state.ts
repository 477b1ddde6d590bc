import { constants, existsSync, openSync, readFileSync, readSync, rmdirSync, rmSync, unlinkSync, readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { KindError, systemCode } from '../base/errors.ts';
import { signalProcess } from './poll.ts';
import { isDead, processExited, startTimeOf } from './processes.linux.ts';

/**
 * What runc keeps of a container below its root, and what three of its verbs come to. Doing them here saves the 8–15 ms
 * that starting a Go program takes; whatever is not as expected is left to runc itself.
 *
 *   <root>/<id>/state.json   first process, control groups, namespaces
 *   <root>/<id>/exec.fifo    while created: the first process waits until somebody reads it, then runs its program
 */
interface RuncState {
  readonly pid: number;
  readonly startTime: number;
  readonly cgroupFolders: readonly string[];
  /** Nothing of the container outlives its first process. */
  readonly hasOwnPids: boolean;
}

interface StateFile {
  readonly init_process_pid: number;
  readonly init_process_start: number;
  readonly cgroup_paths: Readonly<Record<string, string>>;
  readonly config: { readonly namespaces: readonly { readonly type: string; readonly path: string }[] };
}

function readState(root: string, id: string): RuncState | undefined {
  try {
    const file = JSON.parse(readFileSync(join(root, id, 'state.json'), 'utf8')) as StateFile;
    return {
      pid: file.init_process_pid,
      startTime: file.init_process_start,
      cgroupFolders: [...new Set(Object.values(file.cgroup_paths))],
      hasOwnPids: file.config.namespaces.some(({ type, path }) => type === 'NEWPID' && path === ''),
    };
  } catch {
    return undefined;
  }
}

/** Lets the waiting first process run its program. False: runc shall say what is wrong. */
export async function startWaiting(root: string, id: string): Promise<boolean> {
  const fifo = join(root, id, 'exec.fifo');
  const state = readState(root, id);
  if (!state || !existsSync(fifo) || startTimeOf(state.pid) !== state.startTime) return false;
  // Not blocking: a first process that dies before it opens its end would never let us go.
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const gone = new AbortController();
  try {
    const { promise: opened, resolve } = Promise.withResolvers<boolean>();
    socket.once('data', () => resolve(true));
    for (const event of ['end', 'error']) socket.once(event, () => resolve(false));
    // A short program may have ended before its word is read: the word is in the pipe.
    const died = processExited(state.pid, gone.signal).then(() => isSomethingIn(fd));
    died.catch(() => undefined);
    if (!(await Promise.race([opened, died]))) return false;
    unlinkSync(fifo);
    return true;
  } finally {
    gone.abort();
    socket.destroy();
  }
}

function isSomethingIn(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch {
    return false;
  }
}

/** Sends a signal to the first process. False: runc knows better. */
export function signalFirst(root: string, id: string, signal: number): boolean {
  const state = readState(root, id);
  if (!state) return false;
  if (startTimeOf(state.pid) !== state.startTime || isDead(state.pid))
    throw new KindError('notFound', `kill container ${id}: container not running`);
  return signalProcess(state.pid, signal, () => startTimeOf(state.pid) === state.startTime);
}

/** Takes away what is left of a container whose first process has ended, if anything. False: something is still there, or shared. */
export function deleteEnded(root: string, id: string): boolean {
  if (!existsSync(join(root, id))) return true;
  const state = readState(root, id);
  if (!state?.hasOwnPids || (startTimeOf(state.pid) === state.startTime && !isDead(state.pid))) return false;
  if (!state.cgroupFolders.every(removeGroup)) return false;
  rmSync(join(root, id), { recursive: true, force: true });
  return true;
}

/** Children first. False while there are processes in it. */
function removeGroup(folder: string): boolean {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && !removeGroup(join(folder, entry.name))) return false;
    }
    rmdirSync(folder);
    return true;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}
