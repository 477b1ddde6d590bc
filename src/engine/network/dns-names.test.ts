import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DnsNames } from './dns-names.ts';
import type { LiveOwner } from './live-owner.ts';
import type { NetworkRecord } from './network-record.ts';

function owner(
  name: string,
  networks: Readonly<Record<string, string>>,
  aliases: readonly string[] = [],
  links: readonly string[] = [],
): LiveOwner {
  const id = name.padEnd(64, '0');
  const endpoints = Object.entries(networks).map(([network, ipv4]) => ({
    id: `${name}-${network}`,
    networkId: network,
    networkName: network,
    ownerId: id,
    ownerName: name,
    ipv4: `${ipv4}/16`,
    ipv6: `fd00::${ipv4.split('.').at(-1)}/64`,
    gateway: undefined,
    mac: undefined,
    aliases,
    spec: { links },
  }));
  return { owner: { id, name, netnsPath: '' }, endpoints, ports: [] };
}

const web = owner('web', { front: '172.18.0.2', back: '172.19.0.2' }, ['app'], ['db:database']);
const web2 = owner('web2', { front: '172.18.0.3' }, ['app']);
const db = owner('db', { back: '172.19.0.3' }, ['postgres']);
const other = owner('other', { front: '172.18.0.9', bridge: '172.17.0.9' });
const records = ['front', 'back', 'bridge'].map((id, index) => {
  const pools = [{ subnet: `172.${18 + (index === 2 ? -1 : index)}.0.0/16`, gateway: undefined }];
  return [id, { id, name: id, pools, predefined: id === 'bridge' } as unknown as NetworkRecord] as const;
});
const names = new DnsNames(new Map(records), [web, web2, db, other]);
const ask = (name: string, client: LiveOwner, type = 'A', turn = 0) => names.lookup({ type, name }, client.endpoints, turn);
const found = (name: string, client: LiveOwner, turn = 0): readonly string[] | string => {
  const answer = ask(name, client, 'A', turn);
  return answer.kind === 'addresses' ? answer.ipv4 : answer.kind;
};

test('names, aliases, IDs, links and name.network, on shared networks only', () => {
  assert.deepEqual(found('db', web), ['172.19.0.3']);
  assert.deepEqual(found('Postgres.', web), ['172.19.0.3']);
  assert.deepEqual(found('database', web), ['172.19.0.3']);
  assert.deepEqual(found('db.back', web), ['172.19.0.3']);
  assert.deepEqual(found(db.owner.id.slice(0, 12), web), ['172.19.0.3']);
  assert.equal(found('db', other), 'absent', 'a name of ours is asked of nobody else');
  assert.deepEqual(found('other', web), ['172.18.0.9']);
  assert.equal(found('example.org', web), 'unknown');
  assert.equal(found('other', db), 'absent');
});

test('several bearers of a name take turns; both families', () => {
  assert.deepEqual(found('app', other), ['172.18.0.2', '172.18.0.3']);
  assert.deepEqual(found('app', other, 1), ['172.18.0.3', '172.18.0.2']);
  const answer = ask('app', other);
  assert.deepEqual(answer.kind === 'addresses' && answer.ipv6, ['fd00::2', 'fd00::3']);
});

test('addresses back to names', () => {
  assert.deepEqual(ask('3.0.19.172.in-addr.arpa', web, 'PTR'), { kind: 'name', name: 'db.back' });
  assert.deepEqual(ask('9.0.17.172.in-addr.arpa', other, 'PTR'), { kind: 'absent' }, 'ours, but nameless');
  assert.deepEqual(ask('1.0.0.10.in-addr.arpa', other, 'PTR'), { kind: 'unknown' });
  assert.deepEqual(ask(`3.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, other, 'PTR'), { kind: 'name', name: 'web2.front' });
});
