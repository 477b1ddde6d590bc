import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultRanges } from './address-plan.ts';
import { planNetwork, withRange6 } from './plan-network.ts';
import type { NetworkSpec } from './networks.ts';

const eth0 = { name: 'eth0', kind: 'physical' };
const world = {
  holders: [],
  ranges: withRange6(defaultRanges, 'host-1'),
  links: [eth0, { name: 'br9', kind: 'bridge' }],
  bridges: ['br-used'],
};
const plan = (spec: Partial<NetworkSpec>) => planNetwork({ name: 'n', driver: 'bridge', ...spec }, world);

test('a wish for nothing gets a subnet, its first address as gateway and a bridge', () => {
  const record = plan({});
  assert.deepEqual(record.pools, [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }]);
  assert.equal(record.bridgeName, `br-${record.id.slice(0, 12)}`);
});

test('IPv6: asked for, or from the range of this machine', () => {
  assert.deepEqual(plan({ enableIpv6: true, pools: [{ subnet: 'fd00:9::/64' }] }).pools, [
    { subnet: '172.18.0.0/16', gateway: '172.18.0.1' },
    { subnet: 'fd00:9::/64', gateway: 'fd00:9::1' },
  ]);
  assert.match(plan({ enableIpv6: true }).pools[1]?.subnet ?? '', /^fd[0-9a-f:]+::\/64$/);
  assert.equal(plan({ enableIpv6: true, enableIpv4: false }).pools.length, 1);
  assert.throws(() => plan({ pools: [{ subnet: 'fd00:9::/64' }] }), /IPv6 is not enabled for this network/);
  assert.throws(() => plan({ enableIpv6: true, pools: [{ subnet: 'fe80::/64' }] }), /link-local/);
});

test('several subnets, ranges, reserved addresses', () => {
  const record = plan({
    pools: [
      { subnet: '10.1.0.0/24', gateway: '10.1.0.254', ipRange: '10.1.0.128/25', auxiliary: { router: '10.1.0.7' } },
      { subnet: '10.2.0.0/24' },
    ],
  });
  assert.deepEqual(record.pools, [
    { subnet: '10.1.0.0/24', gateway: '10.1.0.254', ipRange: '10.1.0.128/25', auxiliary: { router: '10.1.0.7' } },
    { subnet: '10.2.0.0/24', gateway: '10.2.0.1' },
  ]);
  assert.throws(() => plan({ pools: [{ subnet: '10.1.0.0/24', gateway: '10.2.0.1' }] }), /no matching subnet for gateway 10\.2\.0\.1/);
  assert.throws(() => plan({ pools: [{ subnet: '10.1.0.0/24', ipRange: '10.0.0.0/8' }] }), /no matching subnet for range/);
  assert.throws(() => plan({ pools: [{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/25' }] }), /overlaps with .* of this network itself/);
});

test('bridges: names and options', () => {
  const named = (name: string) => plan({ options: { 'com.docker.network.bridge.name': name } });
  assert.equal(named('br9').bridgeName, 'br9', 'a bridge that is there is taken');
  assert.throws(() => named('eth0'), /eth0 is a physical link of this host/);
  assert.throws(() => named('br-used'), /belongs to another network/);
  assert.throws(() => named('a-name-far-too-long'), /1 to 15 characters/);
  assert.throws(
    () => plan({ options: { 'com.docker.network.bridge.enable_icc': 'maybe' } }),
    /failed to parse com\.docker\.network\.bridge\.\w+ value: maybe \(strconv\.ParseBool: parsing "maybe": invalid syntax\)/,
  );
  assert.throws(() => plan({ options: { 'com.docker.network.driver.mtu': '12' } }), /invalid MTU/);
  assert.throws(() => plan({ options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed' } }), /not implemented/);
});

test('macvlan needs a parent that is there', () => {
  const macvlan = (options: Record<string, string>, more: Partial<NetworkSpec> = {}) => plan({ driver: 'macvlan', options, ...more });
  const record = macvlan({ parent: 'eth0' }, { pools: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.254' }] });
  assert.deepEqual([record.bridgeName, record.options['macvlan_mode']], [undefined, 'bridge']);
  assert.throws(() => macvlan({}), /needs a parent link .*\(-o parent=eth0\)/);
  assert.throws(() => macvlan({ parent: 'eth0.10' }), /this host has no link eth0\.10: it has eth0, br9/);
  assert.throws(() => macvlan({ parent: 'eth0', macvlan_mode: 'x' }), /requested macvlan mode 'x' is not valid/);
});
