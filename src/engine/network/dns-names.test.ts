import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf, lookup } from './dns-names.ts';
import type { LiveOwner } from './fabric.ts';

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
    gateway: undefined,
    mac: undefined,
    aliases,
    spec: { links },
  }));
  return { owner: { id, name, netnsPath: '' }, endpoints, ports: [] };
}

const web = owner('web', { front: '172.18.0.2', back: '172.19.0.2' }, [], ['db:database']);
const db = owner('db', { back: '172.19.0.3' }, ['postgres']);
const other = owner('other', { front: '172.18.0.9', bridge: '172.17.0.9' });
const live = [web, db, other];
const ask = (name: string, client: LiveOwner, type = 'A') => lookup({ type, name }, client, live, (id) => id === 'bridge');

test('names, aliases, IDs, links and name.network, on shared networks only', () => {
  assert.deepEqual(ask('db', web), { addresses: ['172.19.0.3'] });
  assert.deepEqual(ask('Postgres.', web), { addresses: ['172.19.0.3'] });
  assert.deepEqual(ask('database', web), { addresses: ['172.19.0.3'] });
  assert.deepEqual(ask('db.back', web), { addresses: ['172.19.0.3'] });
  assert.deepEqual(ask(db.owner.id.slice(0, 12), web), { addresses: ['172.19.0.3'] });
  assert.equal(ask('db', other), undefined);
  assert.deepEqual(ask('other', web), { addresses: ['172.18.0.9'] });
  assert.equal(ask('example.org', web), undefined);
});

test('addresses back to names; who asks', () => {
  assert.deepEqual(ask('3.0.19.172.in-addr.arpa', web, 'PTR'), { name: 'db.back' });
  assert.equal(ask('9.0.17.172.in-addr.arpa', other, 'PTR'), undefined);
  assert.equal(clientOf(live, '172.19.0.3')?.owner.name, 'db');
  assert.equal(clientOf(live, '10.0.0.1'), undefined);
});
