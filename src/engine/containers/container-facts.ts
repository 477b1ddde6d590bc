import { cpus } from 'node:os';
import { KindError } from '../../base/errors.ts';
import { interfaceCounters } from '../../kernel/host-facts.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { processRows, type ProcessRow } from '../../kernel/process-list.ts';
import type { HostFacts } from '../host-facts.ts';
import type { Containers, ContainerStats, InterfaceStats } from './containers.ts';

/** One reading for `docker stats`. */
export function readStats(kernel: Kernel, host: HostFacts, cgroup: string, netnsPath: string | undefined): ContainerStats {
  const counters = netnsPath ? interfaceCounters(netnsPath) : [];
  const networks = counters.map((each): [string, InterfaceStats] => [
    each.name,
    {
      rxBytes: each.receivedBytes,
      rxPackets: each.receivedPackets,
      rxErrors: each.receivedErrors,
      rxDropped: each.receivedDropped,
      txBytes: each.sentBytes,
      txPackets: each.sentPackets,
      txErrors: each.sentErrors,
      txDropped: each.sentDropped,
    },
  ]);
  return {
    ...kernel.cgroups.stats(cgroup),
    read: new Date(),
    systemCpuNs: host.systemCpuNs(),
    onlineCpus: cpus().length,
    networks: Object.fromEntries(networks),
  };
}

/** Rows of `ps -ef`, read without a program; other columns come from the host's `ps`. */
export async function readTop(kernel: Kernel, cgroup: string, psArguments: string): ReturnType<Containers['top']> {
  const pids = kernel.cgroups.processes(cgroup);
  const wanted = psArguments.split(/\s+/).filter(Boolean);
  if (wanted.length > 0 && wanted.join(' ') !== '-ef') return hostPs(kernel, pids.map(String), wanted);
  return {
    titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    processes: processRows(pids).map((row) => fullRow(row, new Date())),
  };
}

/** As `ps -ef` prints: user by number, CPU in percent of its life, start as a time or, when long ago, a date. */
export function fullRow(row: ProcessRow, now: Date): readonly string[] {
  const livedSeconds = Math.max(1, (now.getTime() - row.startedAt.getTime()) / 1000);
  const percent = Math.min(99, Math.floor((100 * row.cpuSeconds) / livedSeconds));
  const isToday = livedSeconds < 86_400;
  const started = isToday ? row.startedAt.toTimeString().slice(0, 5) : row.startedAt.toDateString().slice(4, 10).replace(' ', '');
  const time = new Date(Math.floor(row.cpuSeconds) * 1000).toISOString().slice(11, 19);
  const terminal = row.terminal === 0 ? '?' : `pts/${row.terminal & 0xff}`;
  return [
    row.uid === 0 ? 'root' : String(row.uid),
    String(row.pid),
    String(row.parentPid),
    String(percent),
    started,
    terminal,
    time,
    row.command,
  ];
}

async function hostPs(kernel: Kernel, pids: readonly string[], psArguments: readonly string[]): ReturnType<Containers['top']> {
  const asked = await kernel.processes.run(['ps', ...psArguments, '-q', pids.join(',')]);
  // Some selections exclude `-q`: then all processes are listed and ours are picked.
  const { exitCode, stdout, stderr } = asked.exitCode === 0 ? asked : await kernel.processes.run(['ps', ...psArguments]);
  if (exitCode !== 0) throw new KindError('invalid', `ps: ${stderr.trim()}`);
  const [header = '', ...rows] = stdout.split('\n').filter(Boolean);
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw new KindError('invalid', "Couldn't find PID field in ps output");
  const cells = (row: string): readonly string[] => {
    const parts = row.trim().split(/\s+/);
    return [...parts.slice(0, titles.length - 1), parts.slice(titles.length - 1).join(' ')];
  };
  return { titles, processes: rows.map(cells).filter((row) => pids.includes(row[pidColumn] ?? '')) };
}
