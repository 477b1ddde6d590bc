/** Packets between namespaces through the written table. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { PacketLab } from '../../../test/support/packet-lab.ts';
import type { Frontend } from './service-port.ts';
import { ServiceTable } from './service-table.ts';
import { tableName } from './table-layout.ts';

let lab: PacketLab;
let table: ServiceTable;
let pods: readonly string[];

function frontend(address: string | undefined, backends: readonly string[], more: Partial<Frontend> = {}): Frontend {
  return {
    view: 'all',
    way: address === undefined ? 'node' : 'cluster',
    address,
    protocol: 'tcp',
    port: 80,
    backends: backends.map((ip) => ({ ip, port: 8080 })),
    masquerade: 'strangers',
    otherwise: 'reject',
    affinitySeconds: undefined,
    sources: undefined,
    ...more,
  };
}

before(async () => {
  lab = await PacketLab.open({ prefix: 'dvp', net: '10.244.9', pods: 3 });
  pods = lab.pods;
  for (const ip of pods) await lab.serve(ip, 8080);
  table = new ServiceTable(lab.kernel.firewall, '10.244.9.0/24', silentLog);
  const [one = '', two = ''] = pods;
  table.put('default/both', [frontend('10.96.9.1', [one, two]), frontend(undefined, [one, two], { port: 30_999, masquerade: 'all' })]);
  table.put('default/one', [frontend('10.96.9.2', [one])]);
  table.put('default/dead', [frontend('10.96.9.3', [])]);
  await table.write();
});

after(async () => {
  table[Symbol.dispose]();
  await lab.kernel.firewall.nft(`add table ip ${tableName}\ndelete table ip ${tableName}\n`);
  await lab[Symbol.asyncDispose]();
});

test('the host reaches a ClusterIP, and a NodePort at each of its addresses', async () => {
  assert.match(await lab.ask(undefined, '10.96.9.1', 80), /^10\.244\.9\.[23] /);
  assert.match(await lab.ask(undefined, '127.0.0.1', 30_999), /^10\.244\.9\.[23] /);
  assert.match(await lab.ask(undefined, '10.244.9.1', 30_999), /^10\.244\.9\.[23] /);
});

test('a pod reaches another through its Service and is seen with its own address', async () => {
  assert.equal(await lab.ask(pods[1], '10.96.9.2', 80), `${pods[0]} ${pods[1]}`);
});

test('a pod reaches itself through its own Service', async () => {
  assert.match(await lab.ask(pods[0], '10.96.9.2', 80), /^10\.244\.9\.2 10\.244\.9\.1$/);
});

test('connections are spread over the endpoints', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => lab.ask(pods[0], '10.96.9.1', 80)));
  assert.deepEqual([...new Set(answers.map((answer) => answer.split(' ')[0]))].toSorted(), pods.slice(0, 2));
});

test('a Service without endpoints refuses at once, and so does a port that a Service does not have', async () => {
  assert.equal(await lab.ask(pods[0], '10.96.9.3', 80, 900), 'ECONNREFUSED');
  assert.equal(await lab.ask(undefined, '10.96.9.3', 80, 900), 'ECONNREFUSED');
  assert.equal(await lab.ask(pods[0], '10.96.9.2', 81, 900), 'ECONNREFUSED');
  assert.equal(await lab.ask(undefined, '10.96.9.2', 81, 900), 'ECONNREFUSED');
});

test('policy Local keeps the client’s address; policy Cluster does not; without a local endpoint packets are dropped', async () => {
  const [one = ''] = pods;
  const external = { way: 'external' as const, masquerade: 'strangers' as const };
  const outside = { ...external, view: 'outside' as const, masquerade: 'none' as const, otherwise: 'drop' as const };
  table.put('default/local', [
    frontend('198.51.100.1', [one], external),
    frontend('198.51.100.1', [one], outside),
    frontend(undefined, [one], { ...outside, way: 'node', port: 30_001 }),
    frontend('198.51.100.2', [one], external),
    frontend('198.51.100.2', [], outside),
    frontend('198.51.100.3', [one], { ...external, masquerade: 'all' }),
  ]);
  await table.write();
  assert.equal(await lab.ask(lab.outside, '198.51.100.1', 80), `${one} ${lab.outside}`);
  assert.equal(await lab.ask(lab.outside, '192.0.2.1', 30_001), `${one} ${lab.outside}`);
  assert.equal(await lab.ask(lab.outside, '198.51.100.2', 80, 400), 'TIMEOUT');
  assert.equal(await lab.ask(pods[1], '198.51.100.2', 80), `${one} ${pods[1]}`);
  assert.equal(await lab.ask(lab.outside, '198.51.100.3', 80), `${one} 10.244.9.1`);
});

test('only the sources that a balancer names come in', async () => {
  const external = { way: 'external' as const, masquerade: 'all' as const };
  table.put('default/guarded', [
    frontend('198.51.100.4', pods, { ...external, sources: ['192.0.2.0/30', '10.9.0.0/16'] }),
    frontend('198.51.100.5', pods, { ...external, sources: ['10.9.0.0/16'] }),
  ]);
  await table.write();
  assert.match(await lab.ask(lab.outside, '198.51.100.4', 80), /^10\.244/);
  assert.equal(await lab.ask(lab.outside, '198.51.100.5', 80, 400), 'TIMEOUT');
  // The same by the whole table, which nft(8) reads instead of the kernel.
  table.distrust();
  await table.write();
  assert.match(await lab.ask(lab.outside, '198.51.100.4', 80), /^10\.244/);
  assert.equal(await lab.ask(lab.outside, '198.51.100.5', 80, 400), 'TIMEOUT');
});

test('with affinity a client stays with its backend, also when another goes; when its own goes it gets a new one', async () => {
  const affine = { affinitySeconds: 100 };
  table.put('default/affine', [frontend('10.96.9.4', pods, affine)]);
  await table.write();
  const who = async (): Promise<string> => (await lab.ask(undefined, '10.96.9.4', 80)).split(' ')[0] ?? '';
  const first = await who();
  for (let index = 0; index < 8; index += 1) assert.equal(await who(), first);
  const other = pods.find((ip) => ip !== first) ?? '';
  table.put('default/affine', [
    frontend(
      '10.96.9.4',
      pods.filter((ip) => ip !== other),
      affine,
    ),
  ]);
  await table.write();
  for (let index = 0; index < 4; index += 1) assert.equal(await who(), first);
  table.put('default/affine', [
    frontend(
      '10.96.9.4',
      pods.filter((ip) => ip !== first),
      affine,
    ),
  ]);
  await table.write();
  const second = await who();
  assert.notEqual(second, first);
  for (let index = 0; index < 4; index += 1) assert.equal(await who(), second);
});

test('affinity ends when its time is over', async () => {
  table.put('default/brief', [frontend('10.96.9.5', pods, { affinitySeconds: 1 })]);
  await table.write();
  const remembered = async (): Promise<boolean> =>
    /10\.96\.9\.5/.test(
      await lab
        .run(undefined, 'nft', 'list', 'table', 'ip', tableName)
        .then((text) => /set address-clients-\d+ \{[\s\S]*?\n\t\}/g.exec(text)?.[0] ?? ''),
    );
  await lab.ask(undefined, '10.96.9.5', 80);
  for (let index = 0; index < 60 && (await remembered()); index += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  assert(!(await remembered()));
});

test('UDP: when the backend goes, a client’s next packet from the same port reaches the new one', async () => {
  const [one = '', two = ''] = pods;
  const udp = { protocol: 'udp' as const };
  table.put('default/udp', [frontend('10.96.9.6', [], udp)]);
  await table.write();
  const ask = (): Promise<string> => lab.askUdp(pods[2], '10.96.9.6', 80, { from: 40_000, waitMs: 500 });
  assert.equal(await ask(), 'ECONNREFUSED');
  for (const ip of [one, two]) {
    table.put('default/udp', [frontend('10.96.9.6', [ip], udp)]);
    await table.write();
    assert.equal(await ask(), `${ip} ${pods[2]}`);
  }
});

test('a flushed table is written whole by the next write', async () => {
  await lab.run(undefined, 'nft', 'delete', 'table', 'ip', tableName);
  table.put('default/one', [frontend('10.96.9.2', pods.slice(1, 2))]);
  await table.write();
  assert.equal(await lab.ask(pods[2], '10.96.9.2', 80), `${pods[1]} ${pods[2]}`);
  assert.match(await lab.ask(undefined, '127.0.0.1', 30_999), /^10\.244\.9\.[23] /);
});
