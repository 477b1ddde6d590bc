import { readFileSync } from 'node:fs';

/**
 * Start time of a process in clock ticks since boot: field 22 of /proc/<pid>/stat, counted after the
 * parenthesised name, which may itself hold blanks. Undefined when there is no such process, or only its zombie.
 */
export function hostStartTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

/** Proportional set size where the kernel tells it (shared pages counted once), else resident size, in bytes; 0 when gone. */
export function residentBytes(pid: number): number {
  const field = (file: string, name: string): number | undefined => {
    try {
      const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'latin1'));
      return match ? Number(match[1]) * 1024 : undefined;
    } catch {
      return undefined;
    }
  };
  return field('smaps_rollup', 'Pss') ?? field('status', 'VmRSS') ?? 0;
}
