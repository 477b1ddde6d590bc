/** Ports published at IPv6 addresses that lead to containers with IPv4 only, and the host's own ::1: by packets. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { silentLog } from '../../base/log.ts';
import type { PortBinding } from './networks.ts';

let lab: EngineLab;
const told: string[] = [];
const httpd = 'mkdir -p /w && hostname > /w/index.html && httpd -f -p 80 -h /w';
const tcp = (hostPort: number, hostIp?: string): PortBinding => ({
  containerPort: 80,
  protocol: 'tcp',
  hostPort,
  ...(hostIp && { hostIp }),
});

const sh = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await lab.kernel.processes.run(['sh', '-c', line]);
  assert.equal(exitCode, 0, `${line}: ${stderr}`);
  return stdout.trim();
};
const other = (): string => lab.folder.split('/').at(-1) ?? '';
const outside = (url: string): Promise<string> => sh(`ip netns exec ${other()} curl -gsm 2 ${url}`);
const here = (url: string): Promise<string> => sh(`curl -gsm 2 ${url}`);
const soon = (url: string, wanted: string): Promise<void> =>
  eventually(async () => assert.equal(await here(url), wanted), { withinMs: 5000 });

before(async () => {
  const warn = (fields: object): void => void told.push(...((fields as { lost?: readonly string[] }).lost ?? []));
  lab = await EngineLab.open('relay', { ...silentLog, warn });
  await sh(`ip netns add ${other()} && ip link add lan0 type veth peer name eth0 netns ${other()} && ip addr add fd00:98::1/64 dev lan0 nodad && ip addr add fd00:98::7/64 dev lan0 nodad
    ip link set lan0 up; ip -n ${other()} addr add fd00:98::9/64 dev eth0 nodad; ip -n ${other()} link set eth0 up`);
  await lab.start('web', httpd, { hostname: 'web', ports: [tcp(8080), tcp(8081, '::1'), tcp(8082, 'fd00:98::7')] });
  await soon('http://127.0.0.1:8080', 'web');
});
after(async () => {
  try {
    await lab[Symbol.asyncDispose]();
  } finally {
    await lab.kernel.processes.run(['ip', 'netns', 'del', other()]).catch(() => undefined);
  }
});

test('a port that names no address answers at every address, of both families', async () => {
  const { ports } = await lab.engine.containers.get('web');
  assert.deepEqual(
    ports.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`),
    ['0.0.0.0 8080', ':: 8080', '::1 8081', 'fd00:98::7 8082'],
  );
  assert.equal(await here('http://[::1]:8080'), 'web');
  assert.equal(await here('http://[fd00:98::1]:8080'), 'web');
  assert.equal(await outside('http://[fd00:98::1]:8080'), 'web');
});

test('one of ::1 answers on the loopback only, one of an address only there', async () => {
  assert.equal(await here('http://[::1]:8081'), 'web');
  await assert.rejects(() => here('http://[fd00:98::1]:8081'));
  await assert.rejects(() => outside('http://[fd00:98::1]:8081'));
  assert.equal(await outside('http://[fd00:98::7]:8082'), 'web');
  await assert.rejects(() => outside('http://[fd00:98::1]:8082'));
});

test('a container with IPv6 is reached by ::1 too', async () => {
  await lab.engine.networks.create({ name: 'six', driver: 'bridge', enableIpv6: true, pools: [{ subnet: 'fd00:6::/64' }] });
  await lab.start('dual', httpd, { hostname: 'dual', network: 'six', ports: [tcp(8090), tcp(8091, '::1')] });
  await soon('http://[::1]:8090', 'dual');
  assert.equal(await here('http://[::1]:8091'), 'dual');
  assert.equal(await outside('http://[fd00:98::1]:8090'), 'dual');
  await assert.rejects(() => outside('http://[fd00:98::1]:8091'));
});

test('the listener itself leads nowhere, and half a connection is still one', async () => {
  const table = (await lab.kernel.firewall.nftTable('ip6', 'davit_relay')) ?? '';
  const listener = /redirect to :(\d+)/.exec(table)?.[1];
  await assert.rejects(() => here(`http://[::1]:${listener}`));
  const answer = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ${process.execPath} -e '
    const s=require("node:net").connect({host:"::1",port:8080,allowHalfOpen:true});process.stdin.pipe(s);s.pipe(process.stdout)'`;
  assert.match(await sh(answer), /web$/);
});

test('a port that a program of the host holds at IPv6 is refused with its holder', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen({ host: '::', port: 8099, ipv6Only: true }, resolve));
  try {
    await assert.rejects(lab.start('late', 'true', { ports: [tcp(8099)] }), /Bind for \[::\]:8099 failed: port is already allocated \(by /);
  } finally {
    holder.close();
    await lab.engine.containers.remove('late', { force: true, volumes: true });
  }
});

for (const wound of [
  'nft flush ruleset',
  'nft delete table ip6 davit_relay',
  'nft flush set ip6 davit_relay anywhere',
  'nft flush chain ip6 davit_relay output',
])
  test(`${wound}: put right, and named`, async () => {
    told.length = 0;
    await sh(wound);
    await eventually(async () => assert.equal(await here('http://[::1]:8080'), 'web'), { withinMs: 2000 });
    await eventually(async () => assert.match(told.join('\n'), /nftables ip6: rules of davit_relay/), { withinMs: 1000 });
  });

test('a port goes with its container; the rest stays', async () => {
  await lab.engine.containers.remove('dual', { force: true, volumes: true });
  await assert.rejects(() => here('http://[::1]:8090'));
  assert.equal(await here('http://[::1]:8080'), 'web');
  await lab.engine.containers.remove('web', { force: true, volumes: true });
  await assert.rejects(() => here('http://[::1]:8080'));
  await lab.engine.networks.remove('six');
});
