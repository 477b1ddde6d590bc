import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPath, outLinkOf, type HostView } from './host-path.ts';
import { nearest } from './nearest-name.ts';
import { portReach } from './port-reach.ts';
import { parseRules } from './rule-set.ts';
import { walk, type Packet } from './rule-walk.ts';

const saved = (...filter: readonly string[]): string =>
  [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER',
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':OWN - [0:0]',
    ...filter,
    'COMMIT',
  ].join('\n');
const letIn = '[7:420] -A FORWARD -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT';
const packet: Packet = { source: '192.0.2.9', destination: '192.0.2.1', protocol: 'tcp', port: 8080, inLink: 'eth0' };
const link = (index: number, name: string, kind: string, address: string) => ({
  index,
  name,
  kind,
  mac: '',
  mtu: 1500,
  isUp: true,
  addresses: [address],
});
const hostWith = (...filter: readonly string[]): HostView => ({
  links: [
    link(1, 'lo', 'loopback', '127.0.0.1/8'),
    link(2, 'eth0', 'physical', '192.0.2.1/24'),
    link(3, 'docker0', 'bridge', '172.17.0.1/16'),
  ],
  routes: [
    { to: 'default', via: '192.0.2.254', link: 'eth0' },
    { to: '192.0.2.0/24', link: 'eth0' },
    { to: '172.17.0.0/16', link: 'docker0' },
  ],
  rules: { 4: parseRules(saved(...filter)), 6: parseRules('') },
});

test('rules as data: counters, negations, targets, quoted comments', () => {
  const rules = parseRules(
    saved(letIn, '-A INPUT -m comment --comment "a \\"b\\" -j DROP" -p udp -j REJECT --reject-with icmp-port-unreachable'),
  );
  const [first] = rules.chains.get('filter FORWARD')?.rules ?? [];
  assert.deepEqual(
    [first?.packets, first?.target, first?.matches[1]],
    [7, 'ACCEPT', { option: '-i', values: ['docker0'], isNegated: true }],
  );
  const [second] = rules.chains.get('filter INPUT')?.rules ?? [];
  assert.deepEqual([second?.target, second?.matches.map(({ option }) => option)], ['REJECT', ['-p']]);
});

test('a packet from outside to a published port: translated, let through, by the rule that is named', () => {
  const path = hostPath(hostWith(letIn), packet);
  assert.deepEqual(
    [path.verdict, path.translation?.address, path.translation?.port, path.ends],
    ['accept', '172.17.0.2', 80, { link: 'docker0' }],
  );
  assert.equal(path.by, letIn.replace('[7:420] ', ''));
  assert.equal(hostPath(hostWith(), packet).by, 'policy DROP of FORWARD');
  assert.deepEqual(hostPath(hostWith(letIn), { ...packet, port: 22 }).ends, 'host');
});

test('chains: jump, return, goto, ports of before the translation', () => {
  const visit = (...rules: readonly string[]) =>
    walk(parseRules(saved(...rules)), 'filter', 'FORWARD', { ...packet, outLink: 'docker0' }, () => false);
  assert.equal(visit('-A FORWARD -j OWN', '-A OWN -j RETURN', '-A FORWARD -j ACCEPT').by, '-A FORWARD -j ACCEPT');
  assert.equal(visit('-A FORWARD -g OWN', '-A FORWARD -j ACCEPT').verdict, 'drop', 'goto does not come back');
  assert.equal(visit('-A FORWARD -p tcp -m multiport --dports 80,8000:8100 -j ACCEPT').verdict, 'accept');
  assert.equal(visit('-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT').verdict, 'drop');
  assert.equal(visit('-A FORWARD -s 192.0.2.0/24 ! -i docker+ -j ACCEPT').verdict, 'accept');
  const unknown = visit('-A FORWARD -m owner --uid-owner 0 -j ACCEPT');
  assert.deepEqual([unknown.verdict, unknown.doubts.length], ['drop', 1]);
  const translated = { ...packet, port: 80, original: { destination: '192.0.2.1', port: 8080 } };
  const rules = parseRules(saved('-A FORWARD -p tcp -m conntrack --ctstate DNAT --ctorigdstport 8080 -j ACCEPT'));
  assert.equal(walk(rules, 'filter', 'FORWARD', translated, () => false).verdict, 'accept');
});

test('who reaches a port', () => {
  const endpoint = { network: 'bridge', networkId: 'n', ipv4: '172.17.0.2', ipv6: '', names: [] };
  const port = { containerPort: 80, protocol: 'tcp' as const, hostIp: '0.0.0.0', hostPort: 8080 };
  const container = {
    id: 'c',
    name: 'web',
    status: 'running',
    pid: 1,
    networkMode: 'bridge',
    endpoints: [endpoint],
    ports: [port],
    exposed: [],
  };
  const reach = (host: HostView, hostIp = '0.0.0.0') => {
    const { loopback, lan, world } = portReach(host, container, { ...port, hostIp }, true);
    return [loopback.reachable, lan.reachable, world.reachable];
  };
  assert.deepEqual(reach(hostWith(letIn)), [true, true, true]);
  assert.deepEqual(reach(hostWith()), [true, false, false], 'the host itself meets no FORWARD');
  assert.deepEqual(reach(hostWith('-A FORWARD ! -s 192.0.2.0/24 -j DROP', letIn)), [true, true, false]);
  assert.deepEqual(reach(hostWith(letIn), '127.0.0.1'), [true, false, false]);
  assert.deepEqual(reach(hostWith(letIn), '192.0.2.77'), [false, false, false]);
});

test('ways and names', () => {
  const { routes } = hostWith();
  assert.deepEqual(
    [outLinkOf({ routes }, '172.17.3.4'), outLinkOf({ routes }, '8.8.8.8'), outLinkOf({ routes }, '2001:db8::1')],
    ['docker0', 'eth0', undefined],
  );
  assert.deepEqual(
    [nearest('wbe', ['db', 'web', 'cache']), nearest('redsi', ['redis', 'web']), nearest('x', ['postgres'])],
    ['web', 'redis', undefined],
  );
});
