import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import { resolve } from './resolve.ts';
import { buildZone } from './zone.ts';

const service = (name: string, spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name },
  spec,
});

const dbSlice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'shop', name: 'db-x', labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.0.9'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.0.10'], hostname: 'db-1', conditions: { ready: false } },
  ],
};

const zone = buildZone(
  [
    service('web', { clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80 }] }),
    service('db', { clusterIP: 'None', ports: [{ name: 'pg', port: 5432 }] }),
    service('away', { type: 'ExternalName', externalName: 'example.org' }),
  ],
  [dbSlice],
  'cluster.local',
);

function ask(name: string, type: 'A' | 'AAAA' | 'SRV' | 'PTR'): unknown {
  const result = resolve(zone, { name, type, class: 'IN' });
  return result.kind === 'forward'
    ? 'forward'
    : [result.rcode, ...result.answers.map((answer) => ('data' in answer ? answer.data : undefined))];
}

test('names of the cluster', () => {
  assert.deepEqual(ask('web.shop.svc.cluster.local', 'A'), ['NOERROR', '10.96.0.7']);
  assert.deepEqual(ask('WEB.shop.svc.cluster.local.', 'A'), ['NOERROR', '10.96.0.7']);
  assert.deepEqual(ask('db.shop.svc.cluster.local', 'A'), ['NOERROR', '10.244.0.9']);
  assert.deepEqual(ask('db-0.db.shop.svc.cluster.local', 'A'), ['NOERROR', '10.244.0.9']);
  assert.deepEqual(ask('away.shop.svc.cluster.local', 'A'), ['NOERROR', 'example.org']);
});

test('named ports and reverse names', () => {
  const target = 'web.shop.svc.cluster.local';
  assert.deepEqual(ask('_http._tcp.web.shop.svc.cluster.local', 'SRV'), ['NOERROR', { port: 80, target, priority: 0, weight: 100 }]);
  const host = 'db-0.db.shop.svc.cluster.local';
  assert.deepEqual(ask('_pg._tcp.db.shop.svc.cluster.local', 'SRV'), ['NOERROR', { port: 5432, target: host, priority: 0, weight: 100 }]);
  assert.deepEqual(ask('7.0.96.10.in-addr.arpa', 'PTR'), ['NOERROR', target]);
});

test('what is known but has no such record is NODATA, what is unknown NXDOMAIN, what is not ours goes on', () => {
  assert.deepEqual(ask('web.shop.svc.cluster.local', 'AAAA'), ['NOERROR']);
  assert.deepEqual(ask('shop.svc.cluster.local', 'A'), ['NOERROR']);
  assert.deepEqual(ask('nope.shop.svc.cluster.local', 'A'), ['NXDOMAIN']);
  assert.deepEqual(ask('db-1.db.shop.svc.cluster.local', 'A'), ['NXDOMAIN']);
  assert.equal(ask('deb.debian.org', 'A'), 'forward');
  assert.equal(ask('1.1.1.1.in-addr.arpa', 'PTR'), 'forward');
});
