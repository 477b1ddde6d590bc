import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { boundingCapabilities } from '../kernel/capabilities.ts';

/** What the engine needs to know of this host and of the network namespace it runs in. */
export interface HostFacts {
  readonly arch: string;
  readonly kernelRelease: string;
  readonly boundingCapabilities: ReadonlySet<string>;
  /** /etc/resolv.conf. */
  resolvConf(): string;
  /** Writes a sysctl of this thread's network namespace; `net.ipv4.ip_forward`. */
  setSysctl(name: string, value: string): void;
  /** Empty when there is no such sysctl. */
  sysctl(name: string): string;
  /** CPU time of the whole host in nanoseconds, as `docker stats` compares with. */
  systemCpuNs(): number;
}

/** USER_HZ: the unit of /proc/stat, 100 a second on every architecture. */
const tickNs = 10_000_000;

export function readHostFacts(): HostFacts {
  return {
    arch: process.arch,
    kernelRelease: release(),
    boundingCapabilities: new Set(boundingCapabilities()),
    resolvConf: () => readText('/etc/resolv.conf'),
    setSysctl: (name, value) => writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value),
    sysctl: (name) => readText(`/proc/sys/${name.replaceAll('.', '/')}`).trim(),
    systemCpuNs() {
      const [, ...fields] = (/^cpu .*$/m.exec(readText('/proc/stat'))?.[0] ?? 'cpu').split(/\s+/);
      return fields.slice(0, 8).reduce((sum, field) => sum + Number(field), 0) * tickNs;
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
