import { linuxCgroups } from './cgroups.linux.ts';
import { linuxFirewall } from './firewall.linux.ts';
import type { Kernel } from './kernel.ts';
import { linuxLinks } from './links.linux.ts';
import { linuxMounts } from './mounts.linux.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { linuxNetworkWatch } from './network-watch.linux.ts';
import { linuxProcesses } from './processes.linux.ts';
import { linuxRuntime } from './runtime.linux.ts';

export interface KernelOptions {
  /** OCI runtime: a name looked up in PATH or an absolute path. */
  readonly runtimePath?: string;
  readonly conmonPath?: string;
  /** Folder of the runtime's state; the runtime's own default when undefined. Several davits on a host need one each. */
  readonly runtimeRoot?: string;
}

export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const { runtimePath = 'runc', conmonPath = 'conmon', runtimeRoot } = options;
  const lifetime = new AbortController();
  const processes = linuxProcesses(lifetime.signal);
  return {
    processes,
    mounts: linuxMounts,
    namespaces: linuxNamespaces,
    links: linuxLinks,
    firewall: linuxFirewall(processes),
    networkWatch: linuxNetworkWatch,
    cgroups: linuxCgroups(),
    runtime: linuxRuntime({
      runtimePath,
      conmonPath,
      processes,
      lifetime: lifetime.signal,
      ...(runtimeRoot === undefined ? {} : { runtimeRoot }),
    }),
    async [Symbol.asyncDispose]() {
      lifetime.abort();
    },
  };
}
