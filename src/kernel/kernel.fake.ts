import { fakeCgroups, type FakeCgroups } from './cgroups.fake.ts';
import { fakeFirewall, type FakeFirewall } from './firewall.fake.ts';
import type { Kernel } from './kernel.ts';
import { FakeNetworks } from './links.fake.ts';
import { fakeMounts } from './mounts.fake.ts';
import { fakeNamespaces, type FakeNamespaces } from './namespaces.fake.ts';
import { fakeProcesses, type FakeProcesses } from './processes.fake.ts';
import { fakeRuntime, type FakeRuntime } from './runtime.fake.ts';

/** A kernel in memory: same contract, plus the controls by which a test plays the programs. */
export interface FakeKernel extends Kernel {
  readonly processes: FakeProcesses;
  readonly namespaces: FakeNamespaces;
  readonly firewall: FakeFirewall;
  readonly cgroups: FakeCgroups;
  readonly runtime: FakeRuntime;
}

export function fakeKernel(): FakeKernel {
  const processes = fakeProcesses();
  const networks = new FakeNetworks();
  return {
    processes,
    mounts: fakeMounts(),
    namespaces: fakeNamespaces(networks),
    links: networks,
    firewall: fakeFirewall(),
    networkWatch: { watch: () => ({ [Symbol.dispose]: () => undefined }) },
    cgroups: fakeCgroups(),
    runtime: fakeRuntime(processes),
    async [Symbol.asyncDispose]() {},
  };
}
