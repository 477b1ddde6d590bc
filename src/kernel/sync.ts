import { closeSync, openSync } from 'node:fs';
import { asyncErrno, native, systemError } from './native.ts';

/** Everything written so far to the file system of `path` is on its disk when this resolves. syncfs(2); runs beside the event loop. */
export async function syncFileSystem(path: string): Promise<void> {
  const fd = openSync(path, 'r');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  native.syncfs.async(fd, (error: unknown, result: number) => {
    if (error) reject(error as Error);
    else if (result !== 0) reject(systemError(`syncfs ${path}`, asyncErrno()));
    else resolve();
  });
  try {
    await promise;
  } finally {
    closeSync(fd);
  }
}
