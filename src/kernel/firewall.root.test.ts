import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxFirewall } from './firewall.linux.ts';
import { firewallSuite } from './firewall.suite.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { linuxProcesses } from './processes.linux.ts';
import type { Processes } from './processes.ts';

/** Programs belong to the network namespace of the thread that starts them, and starting is synchronous. */
firewallSuite('linux firewall', () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-fw-'));
  const net = join(folder, 'net');
  linuxNamespaces.create({ net });
  const lifetime = new AbortController();
  const processes = linuxProcesses(lifetime.signal);
  const inside: Processes = { ...processes, run: (...request) => linuxNamespaces.inNetwork(net, () => processes.run(...request)) };
  return {
    firewall: {
      ...linuxFirewall(inside),
      nftElements: (...change) => linuxNamespaces.inNetwork(net, () => linuxFirewall(inside).nftElements(...change)),
      watchTable: (...request) => linuxNamespaces.inNetwork(net, () => linuxFirewall(inside).watchTable(...request)),
      forgetFlows: (isStale) => linuxNamespaces.inNetwork(net, () => linuxFirewall(inside).forgetFlows(isStale)),
      generation: () => linuxNamespaces.inNetwork(net, () => linuxFirewall(inside).generation()),
    },
    async [Symbol.asyncDispose]() {
      lifetime.abort();
      linuxNamespaces.remove(net);
      rmSync(folder, { recursive: true });
    },
  };
});
