import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Clock ticks a second in /proc/<pid>/stat: 100 on every Linux architecture. */
const ticksPerSecond = 100;

/** Memory as PSS (pages shared by several of the processes count once), CPU over `seconds` of doing nothing. */
export async function idleCost(
  pids: readonly number[],
  seconds: number,
): Promise<{ readonly megabytes: number; readonly cpuPercent: number }> {
  await delay(3000);
  const began = performance.now();
  const before = total(pids, cpuTicks);
  await delay(seconds * 1000);
  const used = (total(pids, cpuTicks) - before) / ticksPerSecond;
  const passed = (performance.now() - began) / 1000;
  return { megabytes: total(pids, pssKilobytes) / 1000, cpuPercent: (100 * used) / passed };
}

function total(pids: readonly number[], read: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + read(pid), 0);
}

/** utime + stime: fields 14 and 15; the command's name before them may hold spaces. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function pssKilobytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1.024;
}
