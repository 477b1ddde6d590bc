import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainsOf } from './firewall-change.ts';
import { jumpsOf, missingJumps, missingRules, renderFirewall, renderTeardown, wasClosed, type BridgeRules } from './firewall-rules.ts';

const docker0: BridgeRules = {
  name: 'docker0',
  subnets: ['172.17.0.0/16'],
  internal: false,
  ingress: 'published',
  icc: true,
  masquerade: true,
};
const port = { bridge: 'docker0', protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, containerIp: '172.17.0.2', containerPort: 80 };
const saved = ['raw', 'nat', 'filter']
  .flatMap((table) => [`*${table}`, ...jumpsOf(4).flatMap((jump) => (jump.table === table ? [`-A ${jump.rule}`] : [])), 'COMMIT'])
  .join('\n');

test('a published port is the rule that everybody knows', () => {
  const text = renderFirewall({ family: 4, bridges: [docker0], ports: [port] }, []);
  assert.ok(text.includes('\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n'));
  assert.ok(text.includes('\n-A DAVIT-POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n'));
  assert.ok(text.includes('\n-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n'));
  assert.ok(text.includes('-A DAVIT-RAW -d 127.0.0.0/8 -i docker0 -j DROP'), 'CVE-2020-8558');
  assert.ok(!text.includes(':FORWARD'), 'the policy is only set with the jumps');
});

test('a port published at two addresses is let in once', () => {
  const text = renderFirewall({ family: 4, bridges: [docker0], ports: [port, { ...port, hostIp: '127.0.0.1', hostPort: 81 }] }, []);
  assert.equal(text.split('\n').filter((line) => line.startsWith('-A DOCKER -d 172.17.0.2/32')).length, 1);
});

test('of IPv6: addresses in brackets, no loopback', () => {
  const six = { ...port, hostIp: '::', containerIp: 'fd00:1::2' };
  const text = renderFirewall({ family: 6, bridges: [{ ...docker0, subnets: ['fd00:1::/64'] }], ports: [six] }, missingJumps('', 6));
  assert.ok(text.includes('--dport 8080 -j DNAT --to-destination [fd00:1::2]:80\n'));
  assert.ok(text.includes('-A DOCKER -d fd00:1::2/128 ! -i docker0'));
  assert.ok(text.includes('OUTPUT ! -d ::1/128 -m addrtype'));
  assert.ok(!text.includes('127.0.0.0/8'));
});

test('jumps are added once', () => {
  assert.equal(missingJumps('', 4).length, jumpsOf(4).length);
  assert.deepEqual(missingJumps(saved, 4), []);
  const first = renderFirewall({ family: 4, bridges: [], ports: [] }, missingJumps('', 4));
  assert.ok(first.indexOf('-I FORWARD -j DOCKER-USER') > first.indexOf('-I FORWARD -j DOCKER-FORWARD'), 'DOCKER-USER comes out on top');
  assert.ok(first.includes(':FORWARD DROP'));
});

test('what a saved rule set lacks is told by table and chain', () => {
  const wanted = renderFirewall({ family: 4, bridges: [docker0], ports: [port] }, []);
  const merged = ['raw', 'nat', 'filter']
    .map((table) => {
      const part = (text: string): string => new RegExp(`\\*${table}\\n([\\s\\S]*?)COMMIT`).exec(text)?.[1] ?? '';
      return `*${table}\n${part(wanted)}${part(saved)}COMMIT\n`;
    })
    .join('');
  const chains = chainsOf(wanted);
  assert.deepEqual(missingRules(chains, merged, 4), []);
  assert.deepEqual(missingRules(chains, merged.replace(/-A DOCKER ! -i docker0.*\n/, ''), 4), ['iptables nat: 1 of 2 rules of DOCKER']);
  assert.deepEqual(missingRules(chains, merged.replace('-A FORWARD -j DOCKER-USER\n', ''), 4), [
    'iptables filter: jump from FORWARD to DOCKER-USER',
  ]);
  assert.equal(missingRules(chains, '', 4).length, jumpsOf(4).length + 7, 'after a flush');
  const stranger = merged.replace('-A DOCKER-FORWARD -j DOCKER\n', '-A DOCKER-FORWARD -j ACCEPT\n-A DOCKER-FORWARD -j DOCKER\n');
  assert.deepEqual(missingRules(chains, stranger, 4), ['iptables filter: order or number of the rules of DOCKER-FORWARD']);
});

test('internal and open networks, no talk between containers, no masquerade', () => {
  const bridges = [
    { ...docker0, name: 'br-a', subnets: ['172.18.0.0/16'], internal: true },
    { ...docker0, name: 'davit0', subnets: ['10.244.0.0/24'], ingress: 'open' as const },
    { ...docker0, name: 'br-c', subnets: ['172.19.0.0/16'], icc: false, masquerade: false },
  ];
  const text = renderFirewall({ family: 4, bridges, ports: [{ ...port, bridge: 'davit0', hostIp: '127.0.0.1', protocol: 'udp' }] }, []);
  assert.ok(text.includes('-A DOCKER-FORWARD ! -i br-a -o br-a -j DROP'));
  assert.ok(!text.includes('-s 172.18.0.0/16 ! -o br-a -j MASQUERADE'));
  assert.ok(text.includes('-A DOCKER-FORWARD -o davit0 -j ACCEPT'));
  assert.ok(text.includes('-A DOCKER -d 127.0.0.1/32 ! -i davit0 -p udp -m udp --dport 8080'));
  assert.ok(text.includes('-A DOCKER-FORWARD -i br-c -o br-c -j DROP'));
  assert.ok(!text.includes('-s 172.19.0.0/16 ! -o br-c -j MASQUERADE'));
});

test('teardown removes what is there and nothing else', () => {
  const some = '*nat\n:DOCKER - [0:0]\n:OTHER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\nCOMMIT\n';
  assert.equal(renderTeardown(some, 4), '*nat\n:DOCKER - [0:0]\n-D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-X DOCKER\nCOMMIT\n');
  assert.equal(renderTeardown('', 4), '');
});

test('a host that dropped forwarded packets before davit drops them after it', () => {
  const closed = '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n';
  assert.deepEqual([wasClosed(closed), wasClosed(closed.replace('DROP', 'ACCEPT')), wasClosed('')], [true, false, false]);
  const state = { family: 4, bridges: [], ports: [] } as const;
  const ours = renderFirewall(state, missingJumps(closed, 4), { wasClosed: true });
  assert.ok(wasClosed(ours), 'davit started again still knows');
  assert.doesNotMatch(renderTeardown(ours, 4), /FORWARD ACCEPT/);
  const open = renderFirewall(state, missingJumps('', 4));
  assert.equal(wasClosed(open), false, 'a DROP of our own is not the host’s');
  assert.match(renderTeardown(open, 4), /:FORWARD ACCEPT/);
});

test('INPUT rules that are respected decide instead of ACCEPT, and go with the rest', () => {
  const input = {
    chains: [
      { name: 'DAVIT-INPUT', rules: ['-A DAVIT-INPUT -j DAVIT-INPUT-1', '-A DAVIT-INPUT -j DROP'] },
      { name: 'DAVIT-INPUT-1', rules: [] },
    ],
  };
  const text = renderFirewall({ family: 4, bridges: [docker0], ports: [port], input }, []);
  assert.ok(text.includes('\n-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j DAVIT-INPUT\n'));
  assert.ok(text.includes('\n:DAVIT-INPUT-1 - [0:0]\n'));
  const teardown = renderTeardown(text, 4);
  for (const chain of ['DAVIT-INPUT', 'DAVIT-INPUT-1']) assert.ok(teardown.includes(`\n-X ${chain}\n`), chain);
  assert.deepEqual(missingRules(chainsOf(text), text.replace('-A DAVIT-INPUT -j DROP\n', ''), 4).slice(-1), [
    'iptables filter: 1 of 2 rules of DAVIT-INPUT',
  ]);
});
