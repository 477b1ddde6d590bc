import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Link, Route } from '../../kernel/links.ts';
import { planHostRepair } from './host-repair.ts';
import { hostInterface, macFor, planAttach } from './link-plan.ts';
import { gatewayEndpoint, publishedEndpoint } from './live-owner.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Endpoint } from './networks.ts';
import { concerns } from './network-guard.ts';

const network: NetworkRecord = {
  id: 'n1',
  name: 'front',
  driver: 'bridge',
  pools: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }],
  enableIpv4: true,
  enableIpv6: false,
  internal: false,
  attachable: false,
  labels: {},
  options: {},
  createdAt: new Date(0),
  ingress: 'published',
  predefined: false,
  bridgeName: 'br0',
};
const endpoint: Endpoint = {
  id: 'abcdef0123',
  networkId: 'n1',
  networkName: 'front',
  ownerId: 'c1',
  ownerName: 'web',
  ipv4: '172.18.0.2/16',
  gateway: '172.18.0.1',
  mac: '02:42:ac:12:00:02',
  interfaceName: 'eth0',
  aliases: [],
  spec: {},
};
const live = { owner: { id: 'c1', name: 'web', netnsPath: '/n' }, endpoints: [endpoint], ports: [] };
const bridge: Link = { index: 5, name: 'br0', kind: 'bridge', mac: '', mtu: 1500, isUp: true, addresses: ['172.18.0.1/16'] };
const veth: Link = { index: 6, name: 'vethabcdef0', kind: 'veth', mac: '', mtu: 1500, isUp: true, master: 'br0', addresses: [] };
const route: Route = { to: '172.18.0.0/16', link: 'br0' };
const repair = (links: readonly Link[], routes: readonly Route[] = [route]) => planHostRepair([network], [live], { links, routes });

test('nothing is done where nothing is lost', () => {
  assert.deepEqual(repair([bridge, veth]), { lost: [], operations: [], bridges: [], endpoints: [] });
});

test('each loss is named and has its remedy', () => {
  assert.deepEqual(repair([veth]).lost, ['bridge br0 of network front']);
  assert.deepEqual(
    repair([veth]).operations.map((operation) => operation.do),
    ['addBridge', 'addAddress', 'setUp'],
  );
  const gone = repair([bridge]);
  assert.deepEqual(gone.lost, ['link vethabcdef0 of web on network front']);
  assert.equal(gone.endpoints[0]?.endpoint, endpoint);
  assert.deepEqual(repair([{ ...bridge, isUp: false }, veth], []).operations, [{ do: 'setUp', name: 'br0' }]);
  assert.deepEqual(repair([{ ...bridge, addresses: [] }, veth], []).operations, [{ do: 'addAddress', name: 'br0', cidr: '172.18.0.1/16' }]);
  assert.deepEqual(repair([bridge, { ...veth, master: 'br1' }]).operations, [
    { do: 'setMaster', name: 'vethabcdef0', master: 'br0', hairpin: true },
  ]);
  assert.deepEqual(repair([bridge, { ...veth, isUp: false }]).operations, [{ do: 'setUp', name: 'vethabcdef0' }]);
  const bent = repair([bridge, veth], [{ to: '172.18.0.0/16', via: '10.0.0.9', link: 'eth0' }]);
  assert.deepEqual(bent.lost, ['route to 172.18.0.0/16 by bridge br0 of network front (it went by eth0)']);
  assert.deepEqual(bent.operations, [
    { do: 'deleteRoute', to: '172.18.0.0/16', via: '10.0.0.9', name: 'eth0' },
    { do: 'addRoute', to: '172.18.0.0/16', name: 'br0', from: '172.18.0.1' },
  ]);
});

test('an attachment as link operations', () => {
  assert.equal(macFor('172.17.0.2', ''), '02:42:ac:11:00:02');
  assert.match(macFor('fd00::2', 'seed'), /^02:42:(?:[0-9a-f]{2}:?){4}$/);
  const plan = planAttach({ ...network, options: { 'com.docker.network.driver.mtu': '1400' } }, endpoint, '/n', true);
  assert.deepEqual(plan.host[0], {
    do: 'addVeth',
    name: hostInterface(endpoint.id),
    peer: 'eth0',
    peerNamespace: '/n',
    peerMac: '02:42:ac:12:00:02',
    mtu: 1400,
  });
  assert.deepEqual(plan.inside.at(-1), { do: 'addRoute', to: 'default', via: '172.18.0.1' });
});

test('the way out: priority, then the name; never an internal network; ports need a bridge', () => {
  const on = (id: string, gatewayPriority?: number): Endpoint => ({
    ...endpoint,
    id,
    networkId: id,
    networkName: id,
    spec: gatewayPriority === undefined ? {} : { gatewayPriority },
  });
  const known = new Map(
    (['a', 'b', 'inner', 'mac'] as const).map((id) => [
      id,
      { ...network, id, internal: id === 'inner', driver: id === 'mac' ? ('macvlan' as const) : ('bridge' as const) },
    ]),
  );
  assert.equal(gatewayEndpoint([on('b'), on('a')], known)?.id, 'a');
  assert.equal(gatewayEndpoint([on('b', 1), on('a')], known)?.id, 'b');
  assert.equal(gatewayEndpoint([on('inner', 9), on('b')], known)?.id, 'b');
  assert.equal(gatewayEndpoint([on('inner')], known), undefined);
  assert.equal(publishedEndpoint([on('mac', 9), on('b')], known)?.id, 'b');
});

test('announcements that concern us, and those that do not', () => {
  const isOurs = concerns({ networks: new Map([['n1', network]]), live: new Map([['c1', live]]), bridgeIndexes: new Set([5]) });
  const link = { what: 'link', isGone: false, isUp: true, masterIndex: 5 } as const;
  assert.equal(isOurs({ ...link, name: 'vethabcdef0' }), false);
  assert.equal(isOurs({ ...link, name: 'vethabcdef0', masterIndex: 9 }), true);
  assert.equal(isOurs({ ...link, name: 'vethabcdef0', masterIndex: undefined }), true);
  assert.equal(isOurs({ ...link, name: 'br0', isUp: false }), true);
  assert.equal(isOurs({ ...link, name: 'other', isGone: true }), false);
  assert.equal(isOurs({ what: 'address', linkIndex: 5, cidr: '172.18.0.1/16', isGone: true }), true);
  assert.equal(isOurs({ what: 'address', linkIndex: 2, cidr: '10.0.0.1/8', isGone: true }), false);
  assert.equal(isOurs({ what: 'route', to: '172.18.0.0/16', isGone: false }), true);
  assert.equal(isOurs({ what: 'rules', table: 'nat' }), true);
  assert.equal(isOurs({ what: 'rules', table: 'davit_proxy' }), false);
  assert.equal(isOurs({ what: 'forwarding', family: 4, isOn: false }), true);
});
