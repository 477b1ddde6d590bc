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
    service('near', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
    service('ring', { type: 'ExternalName', externalName: 'ring.shop.svc.cluster.local' }),
    service('away', { type: 'ExternalName', externalName: 'example.org' }),
  ],
  [dbSlice],
  'cluster.local',
  '10.96.0.10',
);

function ask(name: string, type: 'A' | 'AAAA' | 'SRV' | 'PTR' | 'TXT' | 'NS' | 'CNAME'): unknown {
  const result = resolve(zone, { name, type, class: 'IN' });
  if (result.kind === 'forward') return 'forward';
  return [
    result.kind === 'chase' ? `chase ${result.target}` : result.rcode,
    ...result.answers.map((answer) => ('data' in answer ? answer.data : undefined)),
  ];
}

test('names of the cluster', () => {
  assert.deepEqual(ask('web.shop.svc.cluster.local', 'A'), ['NOERROR', '10.96.0.7']);
  assert.deepEqual(ask('WEB.shop.svc.cluster.local.', 'A'), ['NOERROR', '10.96.0.7']);
  assert.deepEqual(ask('db.shop.svc.cluster.local', 'A'), ['NOERROR', '10.244.0.9']);
  assert.deepEqual(ask('db-0.db.shop.svc.cluster.local', 'A'), ['NOERROR', '10.244.0.9']);
  assert.deepEqual(ask('away.shop.svc.cluster.local', 'A'), ['chase example.org', 'example.org']);
  assert.deepEqual(ask('away.shop.svc.cluster.local', 'CNAME'), ['NOERROR', 'example.org']);
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

test('an alias within the cluster comes with its address; one of itself ends', () => {
  assert.deepEqual(ask('near.shop.svc.cluster.local', 'A'), ['NOERROR', 'web.shop.svc.cluster.local', '10.96.0.7']);
  assert.equal((ask('ring.shop.svc.cluster.local', 'A') as unknown[])[0], 'NOERROR');
});

test('pods by their address, the version, the server', () => {
  assert.deepEqual(ask('10-244-0-9.shop.pod.cluster.local', 'A'), ['NOERROR', '10.244.0.9']);
  assert.deepEqual(ask('10-244-0-9.shop.pod.cluster.local', 'AAAA'), ['NOERROR']);
  assert.deepEqual(ask('10-244-0.shop.pod.cluster.local', 'A'), ['NXDOMAIN']);
  assert.deepEqual(ask('dns-version.cluster.local', 'TXT'), ['NOERROR', '1.1.0']);
  assert.deepEqual(ask('cluster.local', 'NS'), ['NOERROR', 'ns.dns.cluster.local']);
  assert.deepEqual(ask('ns.dns.cluster.local', 'A'), ['NOERROR', '10.96.0.10']);
});

test('SRV of a Service names all its ports and brings the addresses of the targets; denials say how long they hold', () => {
  const srv = resolve(zone, { name: 'db.shop.svc.cluster.local', type: 'SRV', class: 'IN' });
  assert(srv.kind === 'answer');
  assert.deepEqual(
    srv.additionals.map((answer) => ('data' in answer ? [answer.name, answer.data] : [])),
    [['db-0.db.shop.svc.cluster.local', '10.244.0.9']],
  );
  const nothing = resolve(zone, { name: 'nope.shop.svc.cluster.local', type: 'A', class: 'IN' });
  assert(nothing.kind === 'answer' && nothing.authorities[0]?.type === 'SOA');
  assert.equal(nothing.authorities[0].data.minimum, 5);
});
