/** `davit why connect` and `davit ports` name what is wrong: ten faults, planted in real containers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

const davit = fileURLToPath(new URL('../../bin/davit', import.meta.url));
const image = 'busybox:test';
let host: DockerMachine;

interface Report {
  readonly works: boolean;
  readonly fault?: string;
  readonly steps: readonly { readonly link: string; readonly state: string; readonly text: string; readonly advice?: string }[];
}

async function why(from: string, to: string): Promise<Report> {
  const { stdout, stderr } = await host.machine.run([davit, 'why', 'connect', from, to, '--output', 'json']);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Report;
}

/** The fault's name and its words, with what to do. */
async function fault(from: string, to: string, wanted: string, text: RegExp, advice: RegExp): Promise<void> {
  const report = await why(from, to);
  assert.equal(report.fault, wanted, JSON.stringify(report.steps, undefined, 1));
  const broken = report.steps.at(-1);
  assert.match(broken?.text ?? '', text);
  assert.match(broken?.advice ?? '', advice);
}

const pidOf = (name: string): Promise<string> => host.docker('inspect', '-f', '{{.State.Pid}}', name);

before(async () => {
  host = await DockerMachine.create('why', 140);
  await host.docker('network', 'create', 'front');
  await host.docker('network', 'create', 'back');
  const httpd = (...options: string[]): string[] => [
    ...options,
    image,
    'sh',
    '-c',
    'mkdir /www; echo hi > /www/index.html; exec httpd -f -p 80 -h /www',
  ];
  await host.docker('run', '-d', '--name', 'web', ...httpd('--network', 'front', '-p', '8080:80', '-p', '127.0.0.1:8081:80'));
  await host.docker('run', '-d', '--name', 'client', '--network', 'front', image, 'sleep', '1000');
  await host.docker('run', '-d', '--name', 'db', ...httpd('--network', 'back'));
  await host.docker('run', '-d', '--name', 'idle', '--network', 'front', image, 'sleep', '1000');
  await host.docker('run', '-d', '--name', 'shy', '--network', 'front', image, 'httpd', '-f', '-p', '127.0.0.1:80', '-h', '/');
  await eventually(() => host.sh('curl -sf --max-time 3 http://127.0.0.1:8080/'), { withinMs: 10_000 });
});
after(() => host[Symbol.asyncDispose]());

test('what works is shown link by link, and tried', async () => {
  const report = await why('client', 'web:80');
  assert.deepEqual([report.works, report.steps.at(-1)?.link], [true, 'trace'], JSON.stringify(report.steps, undefined, 1));
  assert.match(report.steps.map(({ text }) => text).join('\n'), /web is 172\.18\.0\.2, by the name service[\s\S]*listens on [:\d.]+:80/);
  const published = await why('host', 'localhost:8080');
  assert.deepEqual([published.works, published.fault], [true, undefined], JSON.stringify(published.steps, undefined, 1));
  assert.match(published.steps.map(({ text }) => text).join('\n'), /published: -A DOCKER ! -i br-\w+ .*--dport 8080 -j DNAT/);
  assert.equal((await why('client', '198.18.140.2:8080')).works, true, 'hairpin by the host’s address');
  const text = await host.machine.run([davit, 'why', 'connect', 'client', 'web:80']);
  assert.match(text.stdout, /^✓ from[\s\S]*✓ trace {5}tried: the connection comes about/);
  assert.equal(text.code, 0);
});

test('no such name', () =>
  fault('client', 'wbe:80', 'no-such-name', /nobody on the networks of client is called wbe \(is "web" meant\?\)/, /network-alias/));

test('another network', () =>
  fault('client', 'db:80', 'other-network', /db is on back, client on front/, /^docker network connect back client$/));

test('the wrong port', () => fault('client', 'web:81', 'wrong-port', /nothing in web listens on 81; it listens on 80/, /ask for port 80/));

test('nothing listening', () =>
  fault('client', 'idle:80', 'nothing-listening', /nothing in idle listens on any TCP port/, /docker logs idle/));

test('listening on 127.0.0.1 only', () =>
  fault('client', 'shy:80', 'listening-on-loopback', /of shy listens on 127\.0\.0\.1:80 only/, /0\.0\.0\.0/));

test('dropped by a rule', async () => {
  const rule = 'DOCKER-USER -p tcp -m tcp --dport 80 -j DROP';
  await host.sh(`iptables -A ${rule}`);
  try {
    await fault('client', 'web:80', 'dropped-by-rule', new RegExp(`stopped by: -A ${rule}`), /iptables -D DOCKER-USER -p tcp/);
  } finally {
    await host.sh(`iptables -D ${rule}`);
  }
});

test('a rule that only a real attempt finds: inside nftables of somebody else', async () => {
  await host.sh('printf "table inet strange {\nchain f {\ntype filter hook forward priority 10;\ntcp dport 80 drop\n}\n}\n" | nft -f -');
  try {
    await fault('client', 'web:80', 'unexplained', /a real attempt ends in: timeout/, /nft list ruleset/);
  } finally {
    await host.sh('nft delete table inet strange');
  }
});

test('a port that is not published', async () => {
  const advice = /start db again with -p 80:80, or ask it by its own address 172\.19\.0\.2:80/;
  await fault('host', 'localhost:80', 'port-unpublished', /nothing publishes port 80 of this host: \w+ listens on 80/, /-p 80:80/);
  await host.docker('stop', '-t', '0', 'web', 'shy');
  await fault('host', 'localhost:80', 'port-unpublished', /db listens on 80 inside and does not publish it/, advice);
  await host.docker('start', 'web', 'shy');
  await fault(
    'client',
    '198.18.140.2:8081',
    'port-unpublished',
    /port 8081 of web is published at 127\.0\.0\.1, not at 198\.18\.140\.2/,
    /docker/,
  );
});

test('packets too large for a link', async () => {
  const inWeb = `nsenter -t ${await pidOf('web')} -n ip`;
  const peer = /^\d+: eth0@if(\d+):/.exec(await host.sh(`${inWeb} -o link show eth0`))?.[1];
  const veth = await host.sh(`ip -o link | sed -n 's/^${peer}: \\([^@]*\\)@.*/\\1/p'`);
  assert.match(veth, /^\S+$/);
  await host.sh(`${inWeb} link set eth0 mtu 1200; ip link set ${veth} mtu 1200`);
  try {
    await fault('client', 'web:80', 'mtu', /small packets get through, one of 1500 bytes does not.*eth0 takes 1200/, /driver\.mtu=1200/);
  } finally {
    await host.sh(`${inWeb} link set eth0 mtu 1500; ip link set ${veth} mtu 1500`);
  }
});

test('the name service is down', async () => {
  await host.sh(`nsenter -t ${await pidOf('idle')} -n nft flush ruleset`);
  await fault('idle', 'web:80', 'dns-down', /name service 127\.0\.0\.11 inside idle does not answer/, /davit/);
});

test('a paused container', async () => {
  await host.docker('pause', 'web');
  try {
    await fault('client', 'web:80', 'paused', /container web is paused/, /^docker unpause web$/);
  } finally {
    await host.docker('unpause', 'web');
  }
});

test('davit ports: who reaches what, and by which rule', async () => {
  const read = async () =>
    (
      JSON.parse(await host.machine.ok([davit, 'ports', '--output', 'json'])) as {
        ports: Record<string, { reachable: boolean; because: string }>[];
      }
    ).ports;
  const reach = (port: Record<string, { reachable: boolean }> | undefined) =>
    ['loopback', 'lan', 'world'].map((who) => port?.[who]?.reachable);
  const [open, six, local] = await read();
  assert.deepEqual(
    [reach(open), reach(six), reach(local)],
    [
      [true, true, true],
      [true, false, false],
      [true, false, false],
    ],
  );
  assert.match(open?.['lan']?.because ?? '', /^-A DOCKER -d 172\.18\.0\.\d+\/32 ! -i br-\w+ -o br-\w+ -p tcp -m tcp --dport 80 -j ACCEPT$/);
  assert.match(local?.['lan']?.because ?? '', /published at 127\.0\.0\.1 only/);
  assert.match(six?.['loopback']?.because ?? '', /^nftables ip6 davit_relay: tcp dport 8080 redirect to :\d+$/);
  assert.match(six?.['lan']?.because ?? '', /this host has no IPv6 address but its loopback's/);
  assert.equal(await host.sh('curl -gsf --max-time 3 http://[::1]:8080/'), 'hi');
  await host.sh('iptables -I DOCKER-USER -i eth0 ! -s 198.18.140.0/24 -j DROP');
  const [limited] = await read();
  assert.deepEqual(reach(limited), [true, true, false]);
  assert.match(limited?.['world']?.because ?? '', /^-A DOCKER-USER ! -s 198\.18\.140\.0\/24 -i eth0 -j DROP$/);
  await host.sh('iptables -F DOCKER-USER');
  assert.match(
    await host.machine.ok([davit, 'ports']),
    /^CONTAINER +HOST +PORT +LISTENS +LOOPBACK +LAN +WORLD +DECIDED BY\nweb +0\.0\.0\.0:8080 +80\/tcp +yes +yes +yes +yes/,
  );
});
