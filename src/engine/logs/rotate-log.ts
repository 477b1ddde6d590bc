import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isKind } from '../../base/errors.ts';
import { indexesAmong, rotatedPath } from './log-files.ts';

/** `max-size` and `max-file`: the file that is written to counts as one. */
export interface LogLimits {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** On by default: a container that talks for ever fills 30 MB, not the disk. */
export const defaultLogLimits: LogLimits = { maxBytes: 10_000_000, maxFiles: 3 };

/**
 * No line is lost and none is written twice: the writer keeps its open file while that is renamed, and begins the next one
 * when it is told to.
 *
 *   rename .1 → .2, log → .1      the writer goes on in .1
 *   reopen                        the writer closes .1, then makes a new `log`
 *
 * Killed in between, the next look finds no `log` and only asks for the new one.
 */
export function rotateLog(path: string, limits: LogLimits, reopen: () => void): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== undefined && size <= limits.maxBytes) {
    if (limits.maxFiles <= 1) rmSync(rotatedPath(path, 1), { force: true });
    return false;
  }
  if (size !== undefined) shift(path, Math.max(1, limits.maxFiles - 1));
  try {
    reopen();
  } catch (error) {
    // Its supervisor has just ended: the next run begins a new file.
    if (!isKind(error, 'notFound')) throw error;
  }
  return true;
}

/** Every file one further, the oldest away. */
function shift(path: string, kept: number): void {
  for (const index of indexesAmong(basename(path), readdirSync(dirname(path)))) {
    if (index >= kept) rmSync(rotatedPath(path, index));
    else renameSync(rotatedPath(path, index), rotatedPath(path, index + 1));
  }
}
