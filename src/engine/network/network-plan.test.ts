import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jumps, missingJumps, renderFirewall, renderTeardown } from './firewall-rules.ts';
import { macOf, planAttach } from './link-plan.ts';

const docker0 = { name: 'docker0', subnet: '172.17.0.0/16', internal: false, ingress: 'published' } as const;
const port = { bridge: 'docker0', protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, containerIp: '172.17.0.2', containerPort: 80 };

test('a published port is the rule that everybody knows', () => {
  const text = renderFirewall({ bridges: [docker0], ports: [port] }, []);
  assert.ok(text.includes('\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n'));
  assert.ok(text.includes('\n-A DAVIT-POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n'));
  assert.ok(text.includes('\n-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n'));
  assert.ok(text.includes('-A DAVIT-RAW -d 127.0.0.0/8 -i docker0 -j DROP'), 'CVE-2020-8558');
  assert.ok(!text.includes(':FORWARD'), 'the policy is only set with the jumps');
});

test('jumps are added once', () => {
  assert.equal(missingJumps('').length, jumps.length);
  const saved = ['raw', 'nat', 'filter']
    .flatMap((table) => [`*${table}`, ...jumps.filter((jump) => jump.table === table).map(({ rule }) => `-A ${rule}`), 'COMMIT'])
    .join('\n');
  assert.deepEqual(missingJumps(saved), []);
  const first = renderFirewall({ bridges: [], ports: [] }, missingJumps(''));
  assert.ok(first.indexOf('-I FORWARD -j DOCKER-USER') > first.indexOf('-I FORWARD -j DOCKER-FORWARD'), 'DOCKER-USER comes out on top');
  assert.ok(first.includes(':FORWARD DROP'));
});

test('internal and open networks', () => {
  const bridges = [
    { name: 'br-a', subnet: '172.18.0.0/16', internal: true, ingress: 'published' },
    { name: 'davit0', subnet: '10.244.0.0/24', internal: false, ingress: 'open' },
  ] as const;
  const text = renderFirewall({ bridges, ports: [{ ...port, bridge: 'davit0', hostIp: '127.0.0.1', protocol: 'udp' }] }, []);
  assert.ok(text.includes('-A DOCKER-FORWARD ! -s 172.18.0.0/16 -o br-a -j DROP'));
  assert.ok(!text.includes('-s 172.18.0.0/16 ! -o br-a -j MASQUERADE'));
  assert.ok(text.includes('-A DOCKER-FORWARD -o davit0 -j ACCEPT'));
  assert.ok(text.includes('-A DOCKER -d 127.0.0.1/32 ! -i davit0 -p udp -m udp --dport 8080'));
});

test('teardown removes what is there and nothing else', () => {
  const saved = '*nat\n:DOCKER - [0:0]\n:OTHER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\nCOMMIT\n';
  assert.equal(renderTeardown(saved), '*nat\n:DOCKER - [0:0]\n-D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-X DOCKER\nCOMMIT\n');
  assert.equal(renderTeardown(''), '');
});

test('an attachment as link operations', () => {
  assert.equal(macOf('172.17.0.2'), '02:42:ac:11:00:02');
  const plan = planAttach({
    bridge: 'docker0',
    netnsPath: '/n',
    interfaceName: 'eth0',
    cidr: '172.17.0.2/16',
    mac: macOf('172.17.0.2'),
    gateway: '172.17.0.1',
    endpointId: 'abcdef0123',
  });
  assert.deepEqual(plan.host[0], { do: 'addVeth', name: 'vethabcdef0', peer: 'eth0', peerNamespace: '/n', peerMac: '02:42:ac:11:00:02' });
  assert.deepEqual(plan.inside.at(-1), { do: 'addRoute', to: 'default', via: '172.17.0.1' });
});
