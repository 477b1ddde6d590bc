import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectFeatures } from './features.ts';
import { interfaceCounters } from './host-facts.ts';
import { linuxLinks } from './links.linux.ts';
import { listenersOn } from './listeners.ts';
import { linuxMounts } from './mounts.linux.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { processRows } from './process-list.ts';

test('what this machine has, with advice for what it has not, and no traces of the trial', async () => {
  const state = () => [
    linuxLinks
      .list()
      .map((link) => link.name)
      .toSorted(),
    // Other tests mount at the same time: only the trial's own folder counts.
    linuxMounts.list().filter((mount) => mount.target.includes('davit-doctor-')),
  ];
  const before = state();
  const features = await inspectFeatures();
  for (const feature of features.filter((each) => each.required)) assert.ok(feature.ok, `${feature.name}: ${feature.found}`);
  for (const feature of features) assert.ok(feature.found !== '' && feature.advice !== '', feature.name);
  assert.deepEqual(state(), before);
});

test('a taken port is named with its holder', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const [holder] = listenersOn(port, 'tcp');
    assert.deepEqual({ ...holder, program: undefined }, { address: '127.0.0.1', port, pid: process.pid, program: undefined });
    assert.match(holder?.program ?? '', /node/);
    assert.equal(listenersOn(socket.address().port, 'udp')[0]?.pid, process.pid);
    assert.deepEqual(listenersOn(1, 'tcp'), []);
  } finally {
    server.close();
    socket.close();
  }
});

test('this process is in the list of processes, one that is not there is not', () => {
  const [row, ...others] = processRows([process.pid, 0x3fffff]);
  assert.equal(row?.pid, process.pid);
  assert.equal(row?.parentPid, process.ppid);
  assert.deepEqual(others, []);
});

test('interface counters of a pinned namespace, its loopback apart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-counters-'));
  const net = join(folder, 'net');
  linuxNamespaces.create({ net });
  try {
    linuxLinks.apply([{ do: 'addVeth', name: 'one', peer: 'two' }], net);
    const counters = interfaceCounters(net).filter((each) => ['lo', 'one', 'two'].includes(each.name));
    assert.deepEqual(counters.map(({ name, receivedBytes, sentBytes }) => [name, receivedBytes, sentBytes]).toSorted(), [
      ['one', 0, 0],
      ['two', 0, 0],
    ]);
  } finally {
    linuxNamespaces.remove(net);
    rmSync(folder, { recursive: true });
  }
});
