import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxLinks } from './links.linux.ts';
import { linksSuite, type LinksWorld } from './links.suite.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { linuxProcesses } from './processes.linux.ts';

function twoNetworks(): LinksWorld {
  const folder = mkdtempSync(join(tmpdir(), 'davit-links-'));
  const [host, container] = [join(folder, 'host'), join(folder, 'container')];
  linuxNamespaces.create({ net: host });
  linuxNamespaces.create({ net: container });
  return {
    links: linuxLinks,
    host,
    container,
    [Symbol.dispose]() {
      for (const path of [host, container]) linuxNamespaces.remove(path);
      rmSync(folder, { recursive: true });
    },
  };
}

linksSuite('linux links', twoNetworks);

test('two namespaces joined by operations alone carry TCP', async () => {
  using world = twoNetworks();
  const { links, host, container } = world;
  links.apply(
    [
      { do: 'addVeth', name: 'near', peer: 'far', peerNamespace: container },
      { do: 'addAddress', name: 'near', cidr: '10.9.0.1/24' },
      { do: 'addAddress', name: 'near', cidr: 'fd09::1/64' },
      { do: 'setUp', name: 'near' },
    ],
    host,
  );
  links.apply(
    [
      { do: 'addAddress', name: 'far', cidr: '10.9.0.2/24' },
      { do: 'addAddress', name: 'far', cidr: 'fd09::2/64' },
      { do: 'setUp', name: 'far' },
    ],
    container,
  );
  // Only what happens before the first tick happens inside: a server without a host binds at once.
  const server = linuxNamespaces.inNetwork(container, () => createServer((socket) => socket.end('hello')).listen(0));
  const lifetime = new AbortController();
  try {
    const { port } = server.address() as AddressInfo;
    for (const address of ['10.9.0.2', 'fd09::2']) {
      const client = ['bash', '-c', `exec 3<>/dev/tcp/${address}/${port}; cat <&3`];
      const { stdout } = await linuxNamespaces.inNetwork(host, () => linuxProcesses(lifetime.signal).run(client));
      assert.equal(stdout, 'hello', address);
    }
  } finally {
    server.close();
    await once(server, 'close');
  }
});

test('a bridge port in hairpin mode says so', async () => {
  using world = twoNetworks();
  const { links, host } = world;
  links.apply(
    [
      { do: 'addBridge', name: 'br0', mtu: 1450 },
      { do: 'addVeth', name: 'port', peer: 'other' },
      { do: 'setMaster', name: 'port', master: 'br0', hairpin: true },
    ],
    host,
  );
  const lifetime = new AbortController();
  const show = () => linuxNamespaces.inNetwork(host, () => linuxProcesses(lifetime.signal).run(['ip', '-d', 'link', 'show', 'port']));
  assert.match((await show()).stdout, /hairpin on/);
  links.apply([{ do: 'setMaster', name: 'port', master: 'br0', hairpin: false }], host);
  assert.match((await show()).stdout, /hairpin off/);
});
