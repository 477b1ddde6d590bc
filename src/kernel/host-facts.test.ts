import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundingCapabilities } from './capabilities.ts';
import { hostFacts, hostUsage, parseHostUsage, parseInterfaceCounters, parseOsRelease, parseProcessCounts } from './host-facts.ts';
import { parseSockets } from './listeners.ts';
import { parseProcess } from './process-list.ts';

test('os-release with every kind of quoting', () => {
  const facts = parseOsRelease('PRETTY_NAME="Debian \\"12\\""\nVERSION_ID=12\nNAME=\'Debian\'\n# comment\nEMPTY=\n');
  assert.deepEqual(facts, { PRETTY_NAME: 'Debian "12"', VERSION_ID: '12', NAME: 'Debian', EMPTY: '' });
});

test('this host has a name, a kernel, processors and memory', () => {
  const facts = hostFacts();
  assert.ok(facts.hostname !== '' && facts.kernelRelease !== '' && facts.operatingSystem !== '');
  assert.ok(facts.cpus >= 1 && facts.memoryBytes > 1 << 20);
});

test('processes: how many there are and may be', () => {
  assert.deepEqual(parseProcessCounts('0.20 0.18 0.12 1/80 11206\n', '32768\n', '20000\n'), { running: 80, maximum: 20_000 });
});

test('what the host uses: processor time but idle and waiting, memory but what could be had back', () => {
  const stat = 'cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4\n';
  const meminfo = 'MemTotal:       1000 kB\nMemFree:         300 kB\nMemAvailable:    600 kB\n';
  assert.deepEqual(parseHostUsage(stat, meminfo), { cpuNs: 163 * 10_000_000, workingSetBytes: 400 * 1024, usageBytes: 700 * 1024 });
  const { cpuNs, workingSetBytes, usageBytes } = hostUsage();
  assert.ok(cpuNs > 0 && workingSetBytes > 0 && usageBytes > 0);
});

test('interface counters, also where the name touches the first number', () => {
  const text = ['Inter-|   Receive', ' face |bytes', '  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0', ''].join('\n');
  const [eth0] = parseInterfaceCounters(text);
  assert.deepEqual(eth0, {
    name: 'eth0',
    receivedBytes: 1000,
    receivedPackets: 10,
    receivedErrors: 1,
    receivedDropped: 2,
    sentBytes: 2000,
    sentPackets: 20,
    sentErrors: 3,
    sentDropped: 4,
  });
});

const socketRow = (local: string, state: string, inode: string): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;

test('listening TCP sockets, IPv4 and IPv6', () => {
  const text = ['  sl  local_address', socketRow('0100007F:1F90', '0A', '123'), socketRow('0100007F:1F91', '01', '124'), ''].join('\n');
  assert.deepEqual(parseSockets(text, 'tcp'), [{ address: '127.0.0.1', port: 8080, inode: '123' }]);
  const six = ['  sl  local_address', socketRow('00000000000000000000000001000000:0050', '0A', '9'), ''].join('\n');
  assert.deepEqual(parseSockets(six, 'tcp'), [{ address: '::1', port: 80, inode: '9' }]);
});

test('a process whose name has parentheses and blanks', () => {
  const stat = `42 (a) (b c) S 7 42 42 1026 42 4194560 1 2 3 4 150 50 0 0 20 0 3 0 1000 9000 25 ${'0 '.repeat(27)}`;
  const row = parseProcess(42, stat, 'Name:\tx\nUid:\t1000\t1000\t1000\t1000\n', 'sleep\u00005\0', 1_000_000);
  assert.deepEqual(row, {
    pid: 42,
    parentPid: 7,
    uid: 1000,
    cpuSeconds: 2,
    startedAt: new Date(1_000_010_000),
    terminal: 1026,
    command: 'sleep 5',
    threads: 3,
    residentBytes: 25 * 4096,
  });
  assert.equal(parseProcess(42, stat, '', '', 0).command, '[a) (b c]');
});

test('capabilities of a mask', () => {
  assert.deepEqual(boundingCapabilities('CapBnd:\t0000000000000401\n'), ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE']);
  assert.equal(boundingCapabilities('CapBnd:\t000001ffffffffff\n').length, 41);
});
