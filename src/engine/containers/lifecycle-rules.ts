import { isKind } from '../../base/errors.ts';
import type { LaunchParts } from './launch.ts';
import type { ContainerRecord } from './record.ts';

/** Without a pid namespace of its own, killing the first process leaves the others. */
export function sharesPids(record: ContainerRecord): boolean {
  return record.spec.pidMode !== undefined && record.spec.pidMode !== 'private';
}

export function isEverRestarted({ spec }: ContainerRecord): boolean {
  return spec.restart?.name === 'always' || spec.restart?.name === 'unless-stopped';
}

export function healthAtStart(record: ContainerRecord): ContainerRecord['health'] {
  return record.health && { status: 'starting', failingStreak: 0, log: [] };
}

export function oomKills(cgroups: LaunchParts['kernel']['cgroups'], path: string): number {
  try {
    return cgroups.stats(path).memory?.oomKills ?? 0;
  } catch {
    return 0;
  }
}

/** True when the promise settles within the time. Negative: however long it takes. */
export async function within(promise: Promise<unknown>, seconds: number): Promise<boolean> {
  if (seconds < 0) return promise.then(() => true);
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), seconds * 1000);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

export function ignoreNotFound(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}

export function ignoreConflict(error: unknown): void {
  if (!(isKind(error, 'conflict') || isKind(error, 'notFound'))) throw error;
}

/** What an exec that could not be started ends with: 127 no such command, else 126. */
export function execFailureCode(message: string): number {
  return /executable file not found|no such file or directory/i.test(message) ? 127 : 126;
}

/** As the docker CLI ends when a container cannot start: 127 no such command, 126 not executable. */
export function startFailureCode(message: string): number {
  if (/executable file not found|no such file or directory/i.test(message)) return 127;
  return /permission denied/i.test(message) ? 126 : 128;
}
