import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { isKind } from '../../base/errors.ts';
import { EngineLab } from '../../../test/support/engine-lab.ts';

let lab: EngineLab;
let untouched: string;
before(async () => {
  lab = await EngineLab.open('net');
  untouched = await lab.kernel.firewall.save();
});
after(() => lab[Symbol.asyncDispose]());

const httpd = 'mkdir -p /w && hostname > /w/index.html && httpd -f -p 80 -h /w';
const get = async (url: string): Promise<string> => (await (await fetch(url)).text()).trim();

/** Asks until somebody listens inside. */
async function getSoon(url: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await get(url);
    } catch (error) {
      if (attempt > 100) throw error;
      await once(AbortSignal.timeout(20), 'abort');
    }
  }
}

test('a published port: the rule, from the host by 127.0.0.1 and by the bridge, from a container, and gone with it', async () => {
  await lab.start('web', httpd, { hostname: 'web', ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }] });
  assert.match(
    await lab.kernel.firewall.save('nat'),
    /-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172\.17\.0\.2:80/,
  );
  assert.equal(await getSoon('http://127.0.0.1:8080'), 'web');
  assert.equal(await get('http://172.17.0.1:8080'), 'web');
  assert.equal((await lab.run('wget -qO- http://172.17.0.1:8080')).output, 'web\n');
  assert.equal((await lab.exec('web', 'wget -qO- http://172.17.0.1:8080')).output, 'web\n', 'hairpin');
  await lab.kernel.firewall.restore('*nat\n-F PREROUTING\n:DOCKER - [0:0]\nCOMMIT\n');
  assert.equal(await getSoon('http://172.17.0.1:8080'), 'web', 'a flushed table is put back');
  await assert.rejects(
    lab.start('second', 'sleep 9', { ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }] }),
    /driver failed programming external connectivity on endpoint second: Bind for 0\.0\.0\.0:8080 failed: port is already allocated \(by container web\)/,
  );
  await lab.engine.containers.remove('second', { force: true, volumes: true });
  await lab.engine.containers.remove('web', { force: true, volumes: true });
  assert.equal(await lab.kernel.firewall.save().then(withoutCounters), withoutCounters(untouched));
  assert.deepEqual(lab.leftovers(), []);
});

test('a port that a program of the host holds is refused', async () => {
  const holder = createServer().listen(8081, '0.0.0.0');
  await once(holder, 'listening');
  try {
    await assert.rejects(lab.start('late', 'sleep 9', { ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8081 }] }), (error) =>
      isKind(error, 'conflict'),
    );
  } finally {
    holder.close();
    await lab.engine.containers.remove('late', { force: true, volumes: true });
  }
});

test('user-defined networks: names resolve, other networks do not reach, connect and disconnect live', async () => {
  const { networks } = lab.engine;
  const front = await networks.create({ name: 'front', driver: 'bridge' });
  const back = await networks.create({ name: 'back', driver: 'bridge', pools: [{ subnet: '10.99.0.0/24' }], internal: true });
  assert.equal(front.pools[0]?.subnet, '172.18.0.0/16');
  await assert.rejects(
    networks.create({ name: 'again', driver: 'bridge', pools: [{ subnet: '10.99.0.128/25' }] }),
    /overlaps with 10\.99\.0\.0\/24 of network back/,
  );
  await lab.start('db', httpd, { network: 'front', hostname: 'db', endpoints: { front: { aliases: ['database'] } } });
  await lab.start('client', 'sleep 100', { network: 'front' });
  await lab.start('stranger', 'sleep 100', { network: 'bridge' });
  assert.match((await lab.exec('client', 'cat /etc/resolv.conf')).output, /nameserver 127\.0\.0\.11\n[\s\S]*options .*ndots:0/);
  assert.equal((await lab.exec('client', 'sleep 0.3; timeout 3 wget -qO- http://database')).output, 'db\n');
  assert.equal((await lab.exec('client', 'nslookup -type=a db 127.0.0.11 | grep -c 172.18.0.2')).output, '1\n');
  assert.notEqual((await lab.exec('stranger', 'timeout 1 wget -qO- http://172.18.0.2')).exitCode, 0, 'isolated');
  await networks.connect('front', 'stranger', { aliases: ['friend'] });
  assert.equal((await lab.exec('stranger', 'timeout 3 wget -qO- http://172.18.0.2')).output, 'db\n');
  assert.equal((await lab.exec('client', 'ping -c1 -W1 friend >/dev/null && echo yes')).output, 'yes\n');
  await assert.rejects(networks.remove('front'), /has active endpoints/);
  await networks.disconnect('front', 'stranger', { force: false });
  assert.notEqual((await lab.exec('stranger', 'timeout 1 wget -qO- http://172.18.0.2')).exitCode, 0);
  assert.equal((await networks.get('front')).endpoints.length, 2);
  await lab.start('inner', 'sleep 100', { network: 'back' });
  assert.equal((await lab.exec('inner', 'ip route | grep -c default')).output, '0\n');
  for (const name of ['db', 'client', 'stranger', 'inner']) await lab.engine.containers.remove(name, { force: true, volumes: true });
  assert.deepEqual((await networks.prune()).toSorted(), ['back', 'front']);
  assert.ok(back.bridgeName && !lab.kernel.links.list().some(({ name }) => name === back.bridgeName));
  assert.equal(await lab.kernel.firewall.save().then(withoutCounters), withoutCounters(untouched));
});

test('host, none and another container’s network', async () => {
  assert.match((await lab.run('ip addr show docker0 | grep -c 172.17.0.1', { network: 'host' })).output, /^1\n/);
  assert.equal((await lab.run('ip -o link | grep -vc lo:', { network: 'none' })).output, '0\n');
  await lab.start('one', httpd, { hostname: 'one' });
  assert.equal(
    (await lab.run('sleep 0.2; wget -qO- http://127.0.0.1; cat /etc/hostname', { network: 'container:one' })).output,
    'one\none\n',
  );
  await lab.engine.containers.remove('one', { force: true, volumes: true });
});

test('pod sandboxes share an address, names and /dev/shm', async () => {
  const { networks, sandboxes } = lab.engine;
  await networks.create({
    name: 'pods',
    driver: 'bridge',
    pools: [{ subnet: '10.244.0.0/24' }],
    ingress: 'open',
    options: { 'com.docker.network.bridge.name': 'davit0' },
  });
  const dns = { servers: ['10.96.0.10'], search: ['default.svc.cluster.local'], options: ['ndots:5'] };
  const sandbox = await sandboxes.create({
    id: 'uid-1',
    name: 'default/web',
    hostname: 'web-0',
    network: 'pods',
    dns,
    hosts: ['1.2.3.4 other'],
    sysctls: {},
    ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8082 }],
    labels: {},
  });
  assert.equal(sandbox.ip, '10.244.0.2');
  assert.equal((await sandboxes.create(sandbox.spec)).ip, sandbox.ip, 'idempotent');
  await lab.start('aa', httpd, { sandbox: 'uid-1' });
  const other = await lab.run(
    'hostname; sleep 0.2; wget -qO- http://127.0.0.1; cat /etc/resolv.conf; grep other /etc/hosts; echo x > /dev/shm/f',
    { sandbox: 'uid-1' },
  );
  assert.equal(other.output, 'web-0\nweb-0\nnameserver 10.96.0.10\nsearch default.svc.cluster.local\noptions ndots:5\n1.2.3.4 other\n');
  assert.equal((await lab.exec('aa', 'cat /dev/shm/f')).output, 'x\n');
  assert.equal(await get(`http://${sandbox.ip}`), 'web-0', 'open to the host');
  assert.equal(await get('http://127.0.0.1:8082'), 'web-0', 'hostPort');
  await sandboxes.remove('uid-1');
  await networks.remove('pods');
  assert.deepEqual(lab.leftovers(), []);
});

/** Comparable: without comments, chain counters and order-free parts that iptables-save adds. */
function withoutCounters(saved: string): string {
  return saved
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n');
}
