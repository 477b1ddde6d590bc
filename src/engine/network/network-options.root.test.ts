/** What networks and published ports can be asked for, by packets: from neighbours, from the host, from another host. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import { eventually } from '../../../test/support/eventually.ts';
import type { ContainerSpec } from '../containers/container.ts';

let lab: EngineLab;
let untouched: string;
const httpd = 'mkdir -p /w && hostname > /w/index.html && httpd -f -p 80 -h /w';

const sh = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await lab.kernel.processes.run(['sh', '-c', line]);
  assert.equal(exitCode, 0, `${line}: ${stderr}`);
  return stdout.trim();
};
/** On another host: a neighbour of this one, 192.0.2.9 and fd00:99::9. */
const outside = (line: string): Promise<string> => sh(`ip netns exec ${lab.folder.split('/').at(-1)} sh -c '${line}'`);
const start = (name: string, spec: Partial<ContainerSpec>, command = httpd): Promise<string> =>
  lab.start(name, command, { hostname: name, ...spec });
const inside = async (name: string, line: string): Promise<string> => (await lab.exec(name, line)).output.trim();
const soon = <T>(check: () => Promise<T>): Promise<T> => eventually(check, { withinMs: 5000 });
const reaches = (name: string, url: string, wanted: string): Promise<void> =>
  soon(async () => assert.equal(await inside(name, `timeout 1 wget -qO- ${url}`), wanted));
const isDeaf = async (name: string, url: string): Promise<void> =>
  assert.notEqual((await lab.exec(name, `timeout 1 wget -qO- ${url}`)).exitCode, 0);
const removeAll = async (...names: readonly string[]): Promise<void> => {
  for (const { name } of await lab.engine.containers.list()) await lab.engine.containers.remove(name, { force: true, volumes: true });
  for (const name of names) await lab.engine.networks.remove(name);
};

before(async () => {
  lab = await EngineLab.open('opt');
  const other = lab.folder.split('/').at(-1);
  await sh(`ip netns add ${other} && ip link add lan0 type veth peer name eth0 netns ${other} && ip addr add 192.0.2.1/24 dev lan0 && ip addr add fd00:99::1/64 dev lan0 nodad
    ip link set lan0 up; ip -n ${other} addr add 192.0.2.9/24 dev eth0; ip -n ${other} addr add fd00:99::9/64 dev eth0 nodad
    ip -n ${other} link set lo up; ip -n ${other} link set eth0 up; ip -n ${other} route add default via 192.0.2.1; ip -n ${other} route add default via fd00:99::1`);
  untouched = await lab.kernel.firewall.save();
});
after(async () => {
  try {
    await lab[Symbol.asyncDispose]();
  } finally {
    await lab.kernel.processes.run(['ip', 'netns', 'del', lab.folder.split('/').at(-1) ?? '']).catch(() => undefined);
  }
});

test('IPv6: addresses, names, published ports from the host and another host, the way out; and gone again', async () => {
  const network = await lab.engine.networks.create({ name: 'six', driver: 'bridge', enableIpv6: true, pools: [{ subnet: 'fd00:7::/64' }] });
  assert.deepEqual(
    network.pools.map(({ subnet }) => subnet),
    ['172.18.0.0/16', 'fd00:7::/64'],
  );
  await start('web', {
    network: 'six',
    endpoints: { six: { ipv6: 'fd00:7::77' } },
    ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }],
  });
  await start('client', { network: 'six' }, 'sleep 1000');
  const { endpoints, ports } = await lab.engine.containers.get('web');
  assert.deepEqual([endpoints[0]?.ipv6, endpoints[0]?.gateway6], ['fd00:7::77/64', 'fd00:7::1']);
  assert.deepEqual(
    ports.map(({ hostIp }) => hostIp),
    ['0.0.0.0', '::'],
  );
  await reaches('client', 'http://[fd00:7::77]', 'web');
  assert.match(await inside('client', 'nslookup -type=aaaa web 127.0.0.11'), /fd00:7::77/);
  assert.match(await inside('client', 'ip -6 route'), /default via fd00:7::1 dev eth0/);
  await soon(async () => assert.equal(await outside('curl -sm 2 http://[fd00:99::1]:8080'), 'web'));
  assert.equal(await outside('curl -sm 2 http://192.0.2.1:8080'), 'web');
  assert.equal(await sh('curl -sm 2 http://[fd00:7::1]:8080'), 'web', 'from the host by its own address');
  assert.equal(await inside('client', 'ping -6 -c1 -W2 fd00:99::9 >/dev/null && echo out'), 'out');
  await start('hidden', { network: 'six', endpoints: { six: { ipv6: 'fd00:7::99' } } });
  await reaches('client', 'http://[fd00:7::99]', 'hidden');
  await assert.rejects(async () => outside('curl -sm 1 http://[fd00:7::99]'), 'not published, not reached');
  await removeAll('six');
  assert.equal(withoutCounters(await lab.kernel.firewall.save()), withoutCounters(untouched));
});

test('several subnets, ranges, reserved and static addresses, MAC, MTU; what cannot be is refused', async () => {
  const { networks } = lab.engine;
  await networks.create({
    name: 'many',
    driver: 'bridge',
    pools: [{ subnet: '10.61.0.0/29', ipRange: '10.61.0.4/30', auxiliary: { printer: '10.61.0.4' } }, { subnet: '10.62.0.0/24' }],
    options: { 'com.docker.network.driver.mtu': '1400' },
  });
  const address = async (name: string): Promise<string | undefined> => (await lab.engine.containers.get(name)).endpoints[0]?.ipv4;
  for (const name of ['one', 'two', 'three']) await start(name, { network: 'many' });
  assert.deepEqual([await address('one'), await address('two'), await address('three')], ['10.61.0.5/29', '10.61.0.6/29', '10.62.0.2/24']);
  await start('static', { network: 'many', endpoints: { many: { ipv4: '10.62.0.200', mac: '02:aa:bb:cc:dd:ee' } } });
  assert.match(await inside('static', 'ip addr show eth0'), /mtu 1400[\s\S]*02:aa:bb:cc:dd:ee[\s\S]*10\.62\.0\.200\/24/);
  await reaches('three', 'http://static', 'static');
  await reaches('three', 'http://one', 'one');
  const refused = async (spec: object, text: RegExp): Promise<void> => {
    await assert.rejects(start('xx', { network: 'many', endpoints: { many: spec } }), text);
    await lab.engine.containers.remove('xx', { force: true, volumes: true });
  };
  await refused({ ipv4: '10.62.0.200' }, /Address already in use/);
  await refused({ ipv4: '10.63.0.1' }, /no configured subnet contains IP address 10\.63\.0\.1/);
  await refused({ ipv6: 'fe80::5' }, /link-local address fe80::5 cannot be asked for/);
  await refused({ ipv6: 'fd00::5' }, /network many has no IPv6 subnet/);
  await removeAll('many');
});

test('internal, without talk between containers, without masquerade, ports bound by the network', async () => {
  const { networks } = lab.engine;
  const option = (name: string, value: string) => ({ [`com.docker.network.bridge.${name}`]: value });
  await networks.create({ name: 'inner', driver: 'bridge', internal: true, pools: [{ subnet: '10.71.0.0/24' }] });
  await networks.create({ name: 'mute', driver: 'bridge', pools: [{ subnet: '10.72.0.0/24' }], options: option('enable_icc', 'false') });
  const options = { ...option('enable_ip_masquerade', 'false'), ...option('host_binding_ipv4', '192.0.2.1') };
  await networks.create({ name: 'bare', driver: 'bridge', pools: [{ subnet: '10.73.0.0/24' }], options });
  await start('aa', { network: 'inner' });
  await start('bb', { network: 'inner' });
  await reaches('bb', 'http://aa', 'aa');
  assert.equal(await inside('bb', 'ip route | grep -c default'), '0');
  await lab.exec('bb', 'ip route add default via 10.71.0.1');
  assert.notEqual((await lab.exec('bb', 'ping -c1 -W1 192.0.2.9')).exitCode, 0, 'not even by force');
  await start('cc', { network: 'mute', ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8082 }] });
  await start('dd', { network: 'mute' });
  await soon(async () => assert.equal(await sh('curl -sm 1 http://127.0.0.1:8082'), 'cc'));
  await isDeaf('dd', 'http://10.72.0.2');
  assert.equal(await inside('dd', 'ping -c1 -W1 192.0.2.9 >/dev/null && echo out'), 'out');
  await start('ee', { network: 'bare', ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8083 }] });
  assert.equal((await lab.engine.containers.get('ee')).ports[0]?.hostIp, '192.0.2.1');
  await soon(async () => assert.equal(await outside('curl -sm 1 http://192.0.2.1:8083'), 'ee'));
  assert.doesNotMatch(await lab.kernel.firewall.save('nat'), /-s 10\.73\.0\.0\/24 .*MASQUERADE/);
  await removeAll('inner', 'mute', 'bare');
});

test('macvlan: an address of the parent’s network, reached from another host without any rule', async () => {
  await lab.engine.networks.create({
    name: 'lan',
    driver: 'macvlan',
    pools: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.254' }],
    options: { parent: 'lan0' },
  });
  await start('direct', { network: 'lan', endpoints: { lan: { ipv4: '192.0.2.50' } } });
  await soon(async () => assert.equal(await outside('curl -sm 2 http://192.0.2.50'), 'direct'));
  assert.match(await inside('direct', 'ip route'), /default via 192\.0\.2\.254/);
  await start('second', { network: 'lan', endpoints: { lan: { ipv4: '192.0.2.51' } } }, 'sleep 1000');
  await reaches('second', 'http://direct', 'direct');
  await lab.engine.networks.disconnect('lan', 'second', { force: false });
  assert.equal(await inside('second', 'ip -o link | grep -c eth0'), '0');
  await removeAll('lan');
});

test('the way out moves with connect, disconnect and priority', async () => {
  const { networks } = lab.engine;
  for (const [index, name] of ['na', 'nb', 'nc'].entries())
    await networks.create({ name, driver: 'bridge', pools: [{ subnet: `10.8${index}.0.0/24` }] });
  await start('walker', { network: 'nb', ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8084 }] });
  const way = (): Promise<string> => inside('walker', 'ip route | grep default');
  assert.match(await way(), /via 10\.81\.0\.1/);
  await networks.connect('na', 'walker', {});
  assert.match(await way(), /via 10\.80\.0\.1/, 'the first name');
  await networks.connect('nc', 'walker', { gatewayPriority: 5 });
  assert.match(await way(), /via 10\.82\.0\.1/, 'the highest priority');
  await networks.disconnect('nc', 'walker', { force: false });
  assert.match(await way(), /via 10\.80\.0\.1/);
  await networks.disconnect('na', 'walker', { force: false });
  assert.match(await way(), /via 10\.81\.0\.1/);
  assert.equal(await sh('curl -sm 2 http://127.0.0.1:8084'), 'walker', 'its port led there all the time');
  await removeAll('na', 'nb', 'nc');
});

/** A server in the container's namespace that tells each client its address, by UDP and TCP. */
async function mirror(name: string, port: number, signal: AbortSignal): Promise<void> {
  const { pid } = await lab.engine.containers.get(name);
  const script = `const u=require("node:dgram").createSocket("udp4").on("message",(_,from)=>u.send(from.address,from.port,from.address)).bind(${port});
    require("node:net").createServer((s)=>s.end(s.remoteAddress)).listen(${port},"0.0.0.0")`;
  await lab.kernel.processes.run(['nsenter', '-t', String(pid), '-n', process.execPath, '-e', script], {}, signal);
}

test('udp, sctp, ranges; the client’s address is kept', async () => {
  const ports = [
    { containerPort: 700, protocol: 'udp', hostPort: 7007 },
    { containerPort: 700, protocol: 'tcp', hostPortRange: { from: 7100, to: 7105 } },
    { containerPort: 9, protocol: 'sctp', hostPort: 7009 },
  ] as const;
  await start('echo', { ports }, 'sleep 1000');
  const nat = await lab.kernel.firewall.save('nat');
  assert.match(nat, /-A DOCKER ! -i docker0 -p udp -m udp --dport 7007 -j DNAT --to-destination 172\.17\.0\.\d+:700$/m);
  assert.match(nat, /-A DOCKER ! -i docker0 -p sctp -m sctp --dport 7009 -j DNAT --to-destination 172\.17\.0\.\d+:9$/m);
  assert.match(nat, /-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7100 -j DNAT/m);
  const over = new AbortController();
  const serving = mirror('echo', 700, over.signal).catch(() => undefined);
  try {
    const ask =
      'require("node:dgram").createSocket("udp4").on("message",(m)=>{console.log(String(m));process.exit()}).send("x",7007,"192.0.2.1");setTimeout(()=>process.exit(1),1000)';
    const elsewhere = `ip netns exec ${lab.folder.split('/').at(-1)}`;
    assert.equal(await soon(() => sh(`${elsewhere} ${process.execPath} -e '${ask}'`)), '192.0.2.9', 'udp');
    assert.equal(await soon(() => sh(`${elsewhere} bash -c 'cat < /dev/tcp/192.0.2.1/7100'`)), '192.0.2.9', 'tcp');
  } finally {
    over.abort();
    await serving;
  }
  await removeAll();
});

test('2,000 ports of one container: one batch, and the last works', async (context) => {
  const wishes = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ containerPort: 1000 + index, protocol: 'tcp' as const, hostPort: from + index }));
  const timed = async (name: string, from: number, count: number): Promise<number> => {
    const began = performance.now();
    await start(name, { ports: wishes(from, count) }, 'sleep 1000');
    return performance.now() - began;
  };
  const one = await timed('one', 10_000, 1);
  const many = await timed('many', 20_000, 2000);
  const next = await timed('next', 30_000, 1);
  assert.ok(next < one + 500, `one more after 2,000 takes ${next} ms, the first took ${one} ms`);
  context.diagnostic(
    `1 port ${Math.round(one)} ms, 2,000 ports ${Math.round(many)} ms (${((many - one) / 2).toFixed(0)} µs a port), one more ${Math.round(next)} ms`,
  );
  assert.equal((await lab.kernel.firewall.save('nat')).match(/--dport 2\d{4} -j DNAT/g)?.length, 4000);
  await removeAll();
});

/** Comparable: without comments and counters. */
function withoutCounters(saved: string): string {
  return saved
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n');
}
