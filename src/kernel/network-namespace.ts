import { closeSync, openSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { native, systemError } from './native.ts';

export const cloneFlags = { net: 0x4000_0000, ipc: 0x0800_0000, uts: 0x0400_0000 } as const;

/**
 * Runs a synchronous function with this thread in the network namespace pinned at `path`.
 * Failing to come back would leave the whole process in the wrong namespace, so that ends it.
 */
export function inNetwork<T>(path: string, run: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(path);
    try {
      return run();
    } finally {
      returnTo(home, 'net');
    }
  } finally {
    closeSync(home);
  }
}

/** Staying away would run the rest of davit in the wrong namespace: not an error to handle. */
export function returnTo(home: number, kind: keyof typeof cloneFlags): void {
  if (native.setns(home, cloneFlags[kind]) !== 0)
    throw new Error(`cannot return to the host's ${kind} namespace: ${systemError('setns').message}`);
}

function enter(path: string): void {
  const fd = open(path);
  try {
    if (native.setns(fd, cloneFlags.net) !== 0) throw systemError(`enter network namespace ${path}`);
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new KindError('notFound', `no network namespace at ${path}`, { cause: error });
  }
}
