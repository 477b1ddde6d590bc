import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import { inNetwork } from './network-namespace.ts';

export interface HostFacts {
  readonly hostname: string;
  readonly kernelRelease: string;
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly operatingSystem: string;
  /** `12` */
  readonly osVersion: string;
  /** As `uname -m` says: `x86_64`, `aarch64`. */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

export function hostFacts(): HostFacts {
  const os = parseOsRelease(read('/etc/os-release'));
  return {
    hostname: hostname(),
    kernelRelease: release(),
    operatingSystem: os['PRETTY_NAME'] ?? 'Linux',
    osVersion: os['VERSION_ID'] ?? '',
    architecture: machine(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

export interface HostUsage {
  /** Nanoseconds in which a processor did something. */
  readonly cpuNs: number;
  /** What could not be had without taking it from somebody. */
  readonly workingSetBytes: number;
  readonly usageBytes: number;
}

export function hostUsage(): HostUsage {
  return parseHostUsage(read('/proc/stat'), read('/proc/meminfo'));
}

/** proc(5): `cpu user nice system idle iowait irq softirq steal …` in hundredths of a second; `MemTotal: N kB`. */
export function parseHostUsage(stat: string, meminfo: string): HostUsage {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number);
  const memory = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return {
    cpuNs: (user + nice + system + irq + softirq) * 10_000_000,
    workingSetBytes: memory('MemTotal') - memory('MemAvailable'),
    usageBytes: memory('MemTotal') - memory('MemFree'),
  };
}

export interface ProcessCounts {
  /** Threads, as the kernel counts what has a PID. */
  readonly running: number;
  readonly maximum: number;
}

export function processCounts(): ProcessCounts {
  return parseProcessCounts(read('/proc/loadavg'), read('/proc/sys/kernel/pid_max'), read('/proc/sys/kernel/threads-max'));
}

/** proc(5): `0.20 0.18 0.12 1/80 11206`: 80 of them are there. */
export function parseProcessCounts(loadAverage: string, pidMax: string, threadsMax: string): ProcessCounts {
  const limits = [pidMax, threadsMax].map(Number).filter((limit) => limit > 0);
  return { running: Number(/ \d+\/(\d+) /.exec(loadAverage)?.[1] ?? 0), maximum: Math.min(...limits) };
}

/** os-release(5): `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"` */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const lines = [...text.matchAll(/^([A-Z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(.*))$/gm)];
  return Object.fromEntries(
    lines.map(([, name, double, single, bare]) => [name, double?.replaceAll(/\\(.)/g, '$1') ?? single ?? bare ?? '']),
  );
}

export interface InterfaceCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
}

/** Counters of every interface but the loopback, of this or of a pinned network namespace. */
export function interfaceCounters(namespace?: string): readonly InterfaceCounters[] {
  const text = namespace === undefined ? read('/proc/thread-self/net/dev') : inNetwork(namespace, () => read('/proc/thread-self/net/dev'));
  return parseInterfaceCounters(text).filter((counters) => counters.name !== 'lo');
}

/** /proc/net/dev: two lines of headings, then `eth0: 8 received counters 8 sent counters`. */
export function parseInterfaceCounters(text: string): readonly InterfaceCounters[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name, rest] = line.split(':');
      if (name === undefined || rest === undefined) return [];
      const numbers = rest.trim().split(/\s+/).map(Number);
      const at = (index: number): number => numbers[index] ?? 0;
      return [
        {
          name: name.trim(),
          receivedBytes: at(0),
          receivedPackets: at(1),
          receivedErrors: at(2),
          receivedDropped: at(3),
          sentBytes: at(8),
          sentPackets: at(9),
          sentErrors: at(10),
          sentDropped: at(11),
        },
      ];
    });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
