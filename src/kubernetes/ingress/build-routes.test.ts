import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Ingress, IngressClass, IngressSpec, Secret, Service } from '../../api/kubernetes/types.generated.ts';
import { buildRoutes, isOurs } from './build-routes.ts';
import type { Routes } from './routes.ts';

const ours: IngressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'davit', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  spec: { controller: 'davit.dev/ingress' },
};
const theirs: IngressClass = { ...ours, metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } };
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name: 'web' },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};
const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1' },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [
    { addresses: ['10.244.0.5'], conditions: { ready: true } },
    { addresses: ['10.244.0.6'], conditions: { ready: false, serving: true, terminating: true } },
  ],
};
const secret: Secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'shop', name: 'tls' },
  data: { 'tls.crt': Buffer.from('CERT').toString('base64'), 'tls.key': Buffer.from('KEY').toString('base64') },
};

function ingress(name: string, spec: IngressSpec, created = '2026-01-01T00:00:00Z'): Ingress {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { namespace: 'shop', name, creationTimestamp: created }, spec };
}

function build(...ingresses: readonly Ingress[]): Routes {
  return buildRoutes({
    classes: [ours, theirs],
    ingresses,
    service: (_namespace, name) => (name === 'web' ? service : undefined),
    slices: () => [slice],
    secret: (_namespace, name) => (name === 'tls' ? secret : undefined),
  });
}

const backend = (name: string, port: { name?: string; number?: number } = { number: 80 }) => ({ service: { name, port } });

test('rules become paths by host, Services the endpoints that are ready', () => {
  const paths = [
    { path: '/', pathType: 'Prefix', backend: backend('web', { name: 'http' }) },
    { path: '/x', pathType: 'Exact', backend: backend('gone') },
  ];
  const routes = build(
    ingress('a', { rules: [{ host: 'Shop.example', http: { paths } }], tls: [{ hosts: ['Shop.example'], secretName: 'tls' }] }),
  );
  assert.deepEqual(routes.hosts.get('shop.example'), [
    { path: '/', match: 'prefix', target: { name: 'shop/web:http', endpoints: [{ host: '10.244.0.5', port: 8080 }] } },
    { path: '/x', match: 'exact', target: { name: 'shop/gone:80', endpoints: [] } },
  ]);
  assert.deepEqual(routes.certificates, [{ hosts: ['shop.example'], cert: 'CERT', key: 'KEY' }]);
});

test('the older Ingress keeps a path that two claim; the default backend takes the rest; a missing Secret is no certificate', () => {
  const rule = (name: string) => [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend(name) }] } }];
  const older = ingress('z', { rules: rule('web'), defaultBackend: backend('web') });
  const younger = ingress('a', { rules: rule('gone'), tls: [{ secretName: 'missing' }] }, '2026-02-01T00:00:00Z');
  const routes = build(younger, older);
  assert.deepEqual(
    routes.hosts.get('')?.map(({ target }) => target.name),
    ['shop/web:80'],
  );
  assert.equal(routes.fallback?.name, 'shop/web:80');
  assert.deepEqual(routes.certificates, []);
});

test('classes: named, by the old annotation, or the default one', () => {
  const named = (ingressClassName: string): Ingress => ingress('a', { ingressClassName });
  assert.ok(isOurs(named('davit'), [ours, theirs]));
  assert.ok(!isOurs(named('nginx'), [ours, theirs]));
  assert.ok(isOurs(ingress('a', {}), [ours, theirs]));
  assert.ok(!isOurs(ingress('a', {}), [theirs]));
  const old = { ...ingress('a', {}), metadata: { name: 'a', annotations: { 'kubernetes.io/ingress.class': 'nginx' } } };
  assert.ok(!isOurs(old, [ours, theirs]));
});
