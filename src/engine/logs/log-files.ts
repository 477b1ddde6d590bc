import { watch } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../base/errors.ts';

/**
 * The files of one log: `container.log` is written to, `container.log.1` came before it, `.2` before that.
 * Rotation renames them all at any moment, so a reader knows them by inode.
 */
export interface LogFile {
  readonly handle: FileHandle;
  readonly inode: number;
  /** Bytes when it was opened. */
  readonly size: number;
}

export function rotatedPath(path: string, index: number): string {
  return index === 0 ? path : `${path}.${index}`;
}

/** Indexes of what is there, the oldest (highest) first; 0 is the file that is written to. */
export async function rotatedIndexes(path: string): Promise<readonly number[]> {
  return indexesAmong(basename(path), await readdir(dirname(path)).catch(noneIfMissing));
}

export function indexesAmong(base: string, names: readonly string[]): readonly number[] {
  const indexes = names.flatMap((name) => {
    if (name === base) return [0];
    const suffix = name.startsWith(`${base}.`) ? name.slice(base.length + 1) : '';
    return /^[1-9]\d*$/.test(suffix) ? [Number(suffix)] : [];
  });
  return indexes.toSorted((one, other) => other - one);
}

/** All of them, the oldest first. The newest is opened first: a rotation meanwhile shows a file twice, never hides one. */
export async function openLogFiles(path: string): Promise<readonly LogFile[]> {
  const files: LogFile[] = [];
  for (const index of (await rotatedIndexes(path)).toReversed()) {
    const file = await openIfThere(rotatedPath(path, index));
    if (!file) continue;
    if (files.some(({ inode }) => inode === file.inode)) await file.handle.close();
    else files.unshift(file);
  }
  return files;
}

/** The file that was begun after this one; undefined while this is the newest. One that is gone is followed by the oldest there is. */
export async function openNewer(path: string, { inode }: Pick<LogFile, 'inode'>): Promise<LogFile | undefined> {
  for (;;) {
    const indexes = await rotatedIndexes(path);
    const inodes = await Promise.all(indexes.map((index) => inodeOf(rotatedPath(path, index))));
    const at = inodes.indexOf(inode);
    const next = indexes[at + 1];
    if (next === undefined) return undefined;
    const file = await openIfThere(rotatedPath(path, next));
    // Renamed between the look and the opening: look again.
    if (file && file.inode === inodes[at + 1]) return file;
    await file?.handle.close();
  }
}

async function openIfThere(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, 'r');
    const { ino, size } = await handle.stat();
    return { handle, inode: ino, size };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

function noneIfMissing(error: unknown): readonly string[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}

/** Changes of any of the files. One that comes between two waits is not lost. */
export class LogChanges implements Disposable {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #pending = false;
  #resolve: (() => void) | undefined;

  constructor(path: string, isNeeded: boolean) {
    if (!isNeeded) return;
    const name = basename(path);
    this.#watcher = watch(join(dirname(path)), { persistent: false }, (_, changed) => {
      if (changed === null || changed.startsWith(name)) this.wake();
    });
    this.#watcher.on('error', () => this.wake());
  }

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  async next(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#pending = false;
    this.#resolve = undefined;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
