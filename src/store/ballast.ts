import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export const ballastOf = (storePath: string): string => `${storePath}-ballast`;

const bytes = 1 << 20;
const patienceMs = 1000;

/**
 * Room on the disk that is kept for what frees more: a file that is given up when the disk is full and made again when it
 * is not. Without it nothing could be removed from a full disk, since that is written down first.
 */
export class Ballast {
  readonly #path: string;
  #triedAt = -Infinity;
  #later: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** False when there is none to give up. */
  release(): boolean {
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path, { force: true });
    this.#triedAt = performance.now();
    return true;
  }

  /** Whole or not at all, once a second at most, and never out of the last of the room. */
  restore(): void {
    if (existsSync(this.#path) || roomAt(this.#path) < 4 * bytes) return;
    if (performance.now() - this.#triedAt < patienceMs) return this.#restoreLater();
    this.#triedAt = performance.now();
    try {
      fill(this.#path);
    } catch {
      rmSync(this.#path, { force: true });
    }
  }

  #restoreLater(): void {
    if (this.#later) return;
    this.#later = setTimeout(() => {
      this.#later = undefined;
      this.restore();
    }, patienceMs).unref();
  }
}

/** SQLite calls it an I/O error when there is no room for the files beside its own. */
export function isDiskFull(path: string): boolean {
  return roomAt(path) < 64 << 10;
}

function roomAt(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

/** Bytes that no file system can compress, and on the disk: space that is only promised could be gone when it is needed. */
function fill(path: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const random = randomBytes(bytes);
    for (let written = 0; written < bytes;) written += writeSync(fd, random, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
