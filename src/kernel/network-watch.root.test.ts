import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { linuxLinks } from './links.linux.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { linuxNetworkWatch } from './network-watch.linux.ts';
import type { NetworkChange } from './network-watch.ts';
import { linuxProcesses } from './processes.linux.ts';

test('links, addresses, routes, forwarding and rules are told of when they change', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-watch-'));
  const net = join(folder, 'net');
  linuxNamespaces.create({ net });
  const told: NetworkChange[] = [];
  const watch = linuxNamespaces.inNetwork(net, () => linuxNetworkWatch.watch((changes) => told.push(...changes)));
  const lifetime = new AbortController();
  const run = (...argv: string[]) => linuxNamespaces.inNetwork(net, () => linuxProcesses(lifetime.signal).run(argv));
  const heard = (wanted: Partial<NetworkChange>) =>
    eventually(async () => assert.partialDeepStrictEqual(told.splice(0).filter((change) => matches(change, wanted))[0], wanted), {
      withinMs: 1000,
    });
  try {
    linuxLinks.apply(
      [
        { do: 'addBridge', name: 'br0' },
        { do: 'addAddress', name: 'br0', cidr: '10.1.0.1/24' },
        { do: 'setUp', name: 'br0' },
      ],
      net,
    );
    await heard({ what: 'link', name: 'br0', isUp: true, isGone: false });
    await run('ip', 'route', 'del', '10.1.0.0/24');
    await heard({ what: 'route', to: '10.1.0.0/24', isGone: true });
    await run('ip', 'addr', 'del', '10.1.0.1/24', 'dev', 'br0');
    await heard({ what: 'address', cidr: '10.1.0.1/24', isGone: true });
    // A new namespace starts with what the machine has.
    for (const value of ['0', '1']) linuxNamespaces.inNetwork(net, () => writeFileSync('/proc/sys/net/ipv4/ip_forward', value));
    await heard({ what: 'forwarding', family: 4, isOn: true });
    await run('nft', 'add', 'table', 'ip', 'x');
    await heard({ what: 'rules', table: 'x' });
    await run('ip', 'link', 'del', 'br0');
    await heard({ what: 'link', name: 'br0', isGone: true });
  } finally {
    watch[Symbol.dispose]();
    lifetime.abort();
    linuxNamespaces.remove(net);
    rmSync(folder, { recursive: true });
  }
});

function matches(change: NetworkChange, wanted: Partial<NetworkChange>): boolean {
  return Object.entries(wanted).every(([key, value]) => (change as unknown as Record<string, unknown>)[key] === value);
}
