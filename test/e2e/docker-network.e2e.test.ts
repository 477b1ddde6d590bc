/** Networks and published ports: packets between containers, the host and another host. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

let host: DockerMachine;
const image = 'busybox:test';
const serve = (text: string): readonly string[] => [
  image,
  'sh',
  '-c',
  `mkdir /www; echo ${text} > /www/index.html; exec httpd -f -p 80 -h /www`,
];
const fetch = (url: string): Promise<string> => eventually(() => host.sh(`curl -sf --max-time 3 ${url}`), { withinMs: 5000 });

before(async () => {
  host = await DockerMachine.create('dnet', 104);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

test('a published port answers on the host, by its address, by loopback and from another host', async () => {
  await host.docker('run', '-d', '--name', 'web', '-p', '8080:80', '-p', '127.0.0.1:8081:80', ...serve('hello'));
  assert.equal(await fetch('http://127.0.0.1:8080/'), 'hello');
  assert.equal(await fetch('http://198.18.104.2:8080/'), 'hello');
  assert.equal(await fetch('http://127.0.0.1:8081/'), 'hello');
  assert.equal(await host.docker('port', 'web', '80/tcp'), '0.0.0.0:8080\n127.0.0.1:8081\n[::]:8080');
  // Clients differ in the order.
  const listed = (await host.docker('ps', '--format', '{{.Ports}}')).split(', ').sort();
  assert.deepEqual(listed, ['0.0.0.0:8080->80/tcp', '127.0.0.1:8081->80/tcp', '[::]:8080->80/tcp']);
  const outside = 'ip netns exec other-104 curl -s --max-time 5';
  await host.sh(`ip netns add other-104 && ip link add lan104 type veth peer name eth0 netns other-104 && ip addr add 10.104.0.1/24 dev lan104 && ip link set lan104 up &&
    ip -n other-104 addr add 10.104.0.2/24 dev eth0 && ip -n other-104 link set eth0 up && ip -n other-104 route add default via 10.104.0.1`);
  try {
    assert.equal(await host.sh(`${outside} http://10.104.0.1:8080/`), 'hello');
    assert.match(await host.sh(`${outside} http://10.104.0.1:8081/ || echo refused`), /refused/);
    const hidden = await host.docker('run', '-d', ...serve('hidden'));
    const address = await host.docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', hidden);
    assert.equal(await fetch(`http://${address}/`), 'hidden');
    assert.match(await host.sh(`${outside} http://${address}/ || echo closed`), /closed/);
    await host.docker('rm', '-f', hidden);
  } finally {
    await host.sh('ip netns del other-104');
  }
});

test('the rule is the one Docker makes', async () => {
  const rules = await host.sh('iptables-save -t nat');
  assert.match(rules, /^-A DOCKER ! -i docker0 -p tcp .*--dport 8080 -j DNAT --to-destination 172\.17\.0\.2:80$/m);
  assert.match(rules, /-s 172\.17\.0\.0\/16 ! -o docker0 -j MASQUERADE$/m);
  assert.match(rules, /^-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER$/m);
});

test('a taken port is told with its holder, and nothing is left', async () => {
  const second = await host.try('run', '-d', '--name', 'second', '-p', '8080:80', image, 'sleep', '100');
  assert.equal(second.code, 125);
  assert.match(second.stderr, /8080/);
  assert.match(second.stderr, /already (allocated|in use)/);
  assert.match(second.stderr, /web/);
  await host.docker('rm', '-f', 'second');
  await host.docker('rm', '-f', 'web');
  assert.doesNotMatch(await host.sh('iptables-save -t nat'), /8080/);
});

test('containers reach outwards and each other over the default bridge', async () => {
  assert.match(await host.docker('run', '--rm', image, 'ip', 'route'), /default via 172\.17\.0\.1 dev eth0/);
  await host.docker('run', '--rm', image, 'ping', '-c1', '-W2', '198.18.104.1');
});

test('on an own network names are found at 127.0.0.11', async () => {
  await host.docker('network', 'create', '--subnet', '10.77.0.0/24', 'net1');
  await host.docker('run', '-d', '--name', 'db', '--network', 'net1', '--network-alias', 'database', '--ip', '10.77.0.50', ...serve('db'));
  const ask = (name: string): Promise<string> => host.docker('run', '--rm', '--network', 'net1', image, 'wget', '-qO-', `http://${name}/`);
  assert.equal(await eventually(() => ask('db'), { withinMs: 5000 }), 'db');
  assert.equal(await ask('database'), 'db');
  assert.match(await host.docker('run', '--rm', '--network', 'net1', image, 'cat', '/etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
  assert.equal(await host.docker('inspect', '-f', '{{(index .NetworkSettings.Networks "net1").IPAddress}}', 'db'), '10.77.0.50');
  assert.match((await host.try('network', 'rm', 'net1')).stderr, /has active endpoints/);
});

test('networks are apart until a container is connected', async () => {
  const apart = await host.try('run', '--rm', image, 'ping', '-c1', '-W2', '10.77.0.50');
  assert.notEqual(apart.code, 0);
  await host.docker('run', '-d', '--name', 'guest', image, 'sleep', '100');
  await host.docker('network', 'connect', '--alias', 'visitor', 'net1', 'guest');
  assert.equal(await host.docker('exec', 'guest', 'wget', '-qO-', 'http://db/'), 'db');
  assert.deepEqual(
    (await host.docker('inspect', '-f', '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}', 'guest'))
      .trim()
      .split(' ')
      .toSorted(),
    ['bridge', 'net1'],
  );
  await host.docker('network', 'disconnect', 'net1', 'guest');
  assert.notEqual((await host.try('exec', 'guest', 'ping', '-c1', '-W2', '10.77.0.50')).code, 0);
  await host.docker('rm', '-f', 'guest', 'db');
  await host.docker('network', 'rm', 'net1');
});

test('host, none and another container’s network', async () => {
  assert.match(await host.docker('run', '--rm', '--network', 'host', image, 'ip', 'addr'), /198\.18\.104\.2\/30/);
  assert.equal(await host.docker('run', '--rm', '--network', 'none', image, 'sh', '-c', 'ls /sys/class/net | tr -d "\n"'), 'lo');
  await host.docker('run', '-d', '--name', 'owner', ...serve('mine'));
  const shared = ['run', '--rm', '--network', 'container:owner', image, 'wget', '-qO-', 'http://127.0.0.1/'];
  assert.equal(await eventually(() => host.docker(...shared), { withinMs: 5000 }), 'mine');
  await host.docker('rm', '-f', 'owner');
});

test('networks that cannot be', async () => {
  assert.match((await host.try('network', 'create', 'bridge')).stderr, /operation is not permitted on predefined bridge network/);
  assert.match((await host.try('network', 'create', '--subnet', '10.1.1.1', 'x')).stderr, /invalid/i);
  assert.match((await host.try('network', 'create', '-d', 'overlay', 'x')).stderr, /This node is not a swarm manager/);
  assert.match((await host.try('network', 'create', '-d', 'ipvlan', 'x')).stderr, /ipvlan networks are not implemented by davit/);
  assert.match((await host.try('network', 'create', '-d', 'weave', 'x')).stderr, /could not find plugin weave in v1 plugin registry/);
  assert.match((await host.try('run', '--rm', '--network', 'nix', image, 'true')).stderr, /network nix not found/);
  assert.equal(
    await host.docker('network', 'ls', '--format', '{{.Name}} {{.Driver}}').then((rows) => rows.split('\n').toSorted().join(', ')),
    'bridge bridge, host host, none null',
  );
});

test('a link follows its container to another address', async () => {
  const address = (name: string): Promise<string> => host.docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', name);
  await host.docker('run', '-d', '--name', 'db', ...serve('db'));
  await host.docker('run', '-d', '--name', 'user', '--link', 'db:store', image, 'sleep', '100');
  const old = await address('db');
  await host.docker('stop', '-t', '0', 'db');
  await host.docker('start', 'db');
  assert.equal(await eventually(() => host.docker('exec', 'user', 'wget', '-qO-', 'http://store/'), { withinMs: 5000 }), 'db');
  assert.match(
    await host.docker('exec', 'user', 'cat', '/etc/hosts'),
    new RegExp(`^${(await address('db')).replaceAll('.', '\\.')}\tstore`, 'm'),
  );
  assert.notEqual(await address('db'), old);
  assert.equal(await host.docker('exec', 'user', 'sh', '-c', 'echo $STORE_NAME'), '/user/store');
  await host.docker('rm', '-f', 'db', 'user');
});

test('pruning by label takes what bears it and nobody uses', async () => {
  for (const [name, label] of [
    ['gone', 'stage=old'],
    ['kept', 'stage=new'],
    ['used', 'stage=old'],
  ] as const)
    await host.docker('network', 'create', '--label', label, name);
  await host.docker('run', '-d', '--name', 'user', '--network', 'used', image, 'sleep', '100');
  assert.equal(await host.docker('network', 'prune', '-f', '--filter', 'label=stage=old'), 'Deleted Networks:\ngone\n');
  assert.equal(await host.docker('network', 'prune', '-f', '--filter', 'until=1h'), '');
  await host.docker('rm', '-f', 'user');
  assert.match(await host.docker('network', 'prune', '-f'), /kept[\s\S]*used|used[\s\S]*kept/);
});

test('nothing is left of the containers', async () => {
  assert.equal(await host.docker('ps', '-aq'), '');
  assert.doesNotMatch(await host.sh('ip -br link'), /^veth/m);
});
