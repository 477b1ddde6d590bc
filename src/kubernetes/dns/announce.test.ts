import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import { FakeClient } from '../client/client.fake.ts';
import { announceDns } from './announce.ts';

test('kube-dns is known by its Service and EndpointSlice; a second time changes nothing', async () => {
  const client = new FakeClient();
  await announceDns({ client, address: '10.96.0.10', port: 53 });
  const before = client.writes;
  await announceDns({ client, address: '10.96.0.10', port: 53 });
  assert.equal(client.writes, before);
  const key = { namespace: 'kube-system', name: 'kube-dns' };
  assert.equal((await client.get(services, key)).spec?.clusterIP, '10.96.0.10');
  assert.deepEqual((await client.get(endpointSlices, key)).endpoints[0]?.addresses, ['10.96.0.10']);
});
