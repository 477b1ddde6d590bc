import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { allCapabilities } from './containers/capabilities.ts';

/** What the engine needs to know of this host and of the network namespace it runs in. */
export interface HostFacts {
  readonly arch: string;
  readonly kernelRelease: string;
  readonly boundingCapabilities: ReadonlySet<string>;
  /** /etc/resolv.conf. */
  resolvConf(): string;
  /** Writes a sysctl of the host; `net.ipv4.ip_forward`. */
  setSysctl(name: string, value: string): void;
  /** CPU time of the whole host in nanoseconds, as `docker stats` compares with. */
  systemCpuNs(): number;
  /** /proc/net/dev of the calling thread's network namespace. */
  interfaceCounters(): string;
}

export function readHostFacts(): HostFacts {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'}`);
  return {
    arch: process.arch,
    kernelRelease: release(),
    boundingCapabilities: new Set(allCapabilities.filter((_, bit) => (bounding >> BigInt(bit)) & 1n)),
    resolvConf: () => readText('/etc/resolv.conf'),
    setSysctl: (name, value) => writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value),
    systemCpuNs() {
      const [, ...fields] = (/^cpu .*$/m.exec(readText('/proc/stat'))?.[0] ?? 'cpu').split(/\s+/);
      const ticks = fields.slice(0, 8).reduce((sum, field) => sum + Number(field), 0);
      return ticks * 10_000_000;
    },
    interfaceCounters: () => readText('/proc/thread-self/net/dev'),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
