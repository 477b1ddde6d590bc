import type { Kernel } from '../../kernel/kernel.ts';
import type { HostFacts } from '../host-facts.ts';
import type { Containers, ContainerStats, InterfaceStats } from './containers.ts';
import { KindError } from '../../base/errors.ts';
import { cpus } from 'node:os';

/** One reading for `docker stats`. */
export function readStats(kernel: Kernel, host: HostFacts, cgroup: string, netnsPath: string | undefined): ContainerStats {
  const counters = netnsPath ? kernel.namespaces.inNetwork(netnsPath, () => host.interfaceCounters()) : '';
  return {
    ...kernel.cgroups.stats(cgroup),
    read: new Date(),
    systemCpuNs: host.systemCpuNs(),
    onlineCpus: cpus().length,
    networks: parseCounters(counters),
  };
}

/** /proc/net/dev: two header lines, then `eth0: rxBytes packets errs drop fifo frame compressed multicast txBytes …`. */
export function parseCounters(text: string): Readonly<Record<string, InterfaceStats>> {
  const rows = text
    .split('\n')
    .slice(2)
    .filter((line) => line.includes(':'));
  return Object.fromEntries(
    rows.flatMap((row) => {
      const [name = '', values = ''] = row.split(':');
      if (name.trim() === 'lo') return [];
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] =
        values.trim().split(/\s+/).map(Number);
      return [[name.trim(), { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }] as const];
    }),
  );
}

/** `ps` of the host, reduced to the container's processes. */
export async function readTop(kernel: Kernel, cgroup: string, psArguments: string): ReturnType<Containers['top']> {
  const pids = new Set(kernel.cgroups.processes(cgroup).map(String));
  const { exitCode, stdout, stderr } = await kernel.processes.run(['ps', ...(psArguments || '-ef').split(/\s+/).filter(Boolean)]);
  if (exitCode !== 0) throw new KindError('invalid', `ps: ${stderr.trim()}`);
  const [header = '', ...rows] = stdout.split('\n').filter(Boolean);
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw new KindError('invalid', "Couldn't find PID field in ps output");
  const cells = (row: string): readonly string[] => {
    const parts = row.trim().split(/\s+/);
    return [...parts.slice(0, titles.length - 1), parts.slice(titles.length - 1).join(' ')];
  };
  return { titles, processes: rows.map(cells).filter((row) => pids.has(row[pidColumn] ?? '')) };
}
