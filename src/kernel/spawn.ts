import { closeSync } from 'node:fs';
import { native, systemError } from './native.ts';
import { openPidfd, poll } from './poll.ts';

/**
 * posix_spawn(3): 0.2 ms whatever the size of this process, where child_process.spawn blocks it for milliseconds.
 * The child has exactly the given descriptors, default signals and an empty signal mask.
 */
export interface SpawnRequest {
  /** Absolute path of the program. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Descriptors of this process that become 0, 1, 2, … in the child; all are close-on-exec here. */
  readonly descriptors: readonly number[];
  /** A session of its own: no signal sent to ours reaches it. */
  readonly newSession?: boolean;
}

export interface Child {
  readonly pid: number;
  /** 0–255, or 128 + n when killed by signal n. Ends with the child being reaped. */
  readonly exitCode: Promise<number>;
}

const setSignalDefaults = 0x04;
const setSignalMask = 0x08;
const setSession = 0x80;
/** glibc on every 64-bit Linux: 80 bytes of actions, 336 of attributes, 128 of signal set. */
const structSize = 512;

export function spawn(request: SpawnRequest): Child {
  const actions = Buffer.alloc(structSize);
  const attributes = Buffer.alloc(structSize);
  native.spawnActionsInit(actions);
  native.spawnAttributesInit(attributes);
  try {
    fill(actions, attributes, request);
    const pid = [0];
    const env = Object.entries(request.env).map(([name, value]) => `${name}=${value}`);
    const errno: number = native.posixSpawn(pid, request.program, actions, attributes, [...request.argv, null], [...env, null]);
    if (errno !== 0) throw systemError(`run ${request.program}`, errno);
    return { pid: pid[0] as number, exitCode: reap(pid[0] as number) };
  } finally {
    native.spawnActionsDestroy(actions);
    native.spawnAttributesDestroy(attributes);
  }
}

function fill(actions: Buffer, attributes: Buffer, request: SpawnRequest): void {
  const { descriptors } = request;
  // dup2 goes in order, so a source must not be a target that was already written.
  if (descriptors.some((fd, target) => fd < target)) throw new Error('spawn: a descriptor would be overwritten before its turn');
  descriptors.forEach((fd, target) => native.spawnActionsDup2(actions, fd, target));
  native.spawnActionsCloseFrom(actions, descriptors.length);
  if (request.cwd !== undefined) native.spawnActionsChdir(actions, request.cwd);
  native.spawnAttributesFlags(attributes, setSignalDefaults | setSignalMask | (request.newSession === true ? setSession : 0));
  native.spawnAttributesSignalDefaults(attributes, Buffer.alloc(128, 0xff));
  native.spawnAttributesSignalMask(attributes, Buffer.alloc(128));
}

/** Our children are unknown to libuv, which therefore leaves them to us. */
function reap(pid: number): Promise<number> {
  const fd = openPidfd(pid);
  if (fd === undefined) return Promise.reject(new Error(`child ${pid} was reaped by somebody else`));
  return new Promise((resolve, reject) => {
    const handle = poll(fd, { readable: true }, () => {
      handle[Symbol.dispose]();
      closeSync(fd);
      const status = [0];
      const noHang = 1;
      if (native.waitpid(pid, status, noHang) !== pid) reject(systemError(`wait for ${pid}`));
      else resolve(exitCodeOf(status[0] as number));
    });
  });
}

/** wait(2) status: low 7 bits the signal, next byte the code. */
function exitCodeOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
