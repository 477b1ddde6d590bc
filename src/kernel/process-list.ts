import { readFileSync } from 'node:fs';

/** One row of `ps -ef`, for `docker top`. */
export interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly uid: number;
  /** CPU seconds used. */
  readonly cpuSeconds: number;
  readonly startedAt: Date;
  /** Major and minor of the controlling terminal; 0 for none. */
  readonly terminal: number;
  readonly command: string;
  readonly threads: number;
  readonly residentBytes: number;
}

/** Of the given processes, those that still are there. */
export function processRows(pids: readonly number[]): readonly ProcessRow[] {
  const bootTime = Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
  return pids.flatMap((pid) => {
    try {
      const files = ['stat', 'status', 'cmdline'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
      return [parseProcess(pid, files[0] ?? '', files[1] ?? '', files[2] ?? '', bootTime)];
    } catch {
      return [];
    }
  });
}

/** USER_HZ is 100 on every architecture that davit runs on. */
const ticksPerSecond = 100;
const pageBytes = 4096;

/** proc_pid_stat(5), counted from field 3, the first after the name in parentheses. */
export function parseProcess(pid: number, stat: string, status: string, commandLine: string, bootTime: number): ProcessRow {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const command = commandLine.replace(/\0+$/, '').replaceAll('\0', ' ');
  return {
    pid,
    parentPid: field(4),
    uid: Number(/^Uid:\s*(\d+)/m.exec(status)?.[1] ?? 0),
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    startedAt: new Date((bootTime + field(22) / ticksPerSecond) * 1000),
    terminal: field(7),
    command: command === '' ? `[${name}]` : command,
    threads: field(20),
    residentBytes: field(24) * pageBytes,
  };
}
