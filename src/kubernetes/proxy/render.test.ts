import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import { renderProxy } from './render.ts';
import { servicePorts } from './service-port.ts';

const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'web' },
  spec: { type: 'NodePort', clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80, nodePort: 31000, targetPort: 8080 }] },
};

function slice(service: string, endpoints: EndpointSlice['endpoints']): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: `${service}-abc`, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

test('ready endpoints become backends; unready ones do not', () => {
  const slices = [
    slice('web', [
      { addresses: ['10.244.0.5'], conditions: { ready: true } },
      { addresses: ['10.244.0.6'], conditions: { ready: false } },
    ]),
  ];
  assert.deepEqual(servicePorts([web], slices), [
    {
      id: 'default/web/tcp/http',
      protocol: 'tcp',
      addresses: ['10.96.0.7'],
      port: 80,
      nodePort: 31000,
      backends: [{ ip: '10.244.0.5', port: 8080 }],
    },
  ]);
});

test('when all endpoints terminate, those still serving get the traffic', () => {
  const conditions = { ready: false, serving: true, terminating: true };
  const [port] = servicePorts([web], [slice('web', [{ addresses: ['10.244.0.5'], conditions }])]);
  assert.deepEqual(port?.backends, [{ ip: '10.244.0.5', port: 8080 }]);
});

test('headless and ExternalName Services are not proxied', () => {
  const headless = { ...web, spec: { ...web.spec, clusterIP: 'None' } };
  const external = { ...web, spec: { type: 'ExternalName', externalName: 'x.example' } };
  assert.deepEqual(servicePorts([headless, external], []), []);
});

test('a Service with endpoints is spread over them, with its node port', () => {
  const ready = { ready: true };
  const slices = [
    slice('web', [
      { addresses: ['10.244.0.6'], conditions: ready },
      { addresses: ['10.244.0.5'], conditions: ready },
    ]),
  ];
  const text = renderProxy(servicePorts([web], slices), { podCidr: '10.244.0.0/24' });
  assert.match(text, /elements = \{ 10\.96\.0\.7 \. tcp \. 80 : goto service-default\/web\/tcp\/http \}/);
  assert.match(text, /elements = \{ tcp \. 31000 : goto node-service-default\/web\/tcp\/http \}/);
  assert.match(text, /numgen random mod 2 vmap \{ 0 : goto endpoint-default\/web\/tcp\/http-10\.244\.0\.5\/8080, 1 : goto/);
  assert.match(text, /meta l4proto tcp dnat to 10\.244\.0\.6:8080/);
  assert(!text.includes('dead_addresses {\n    type ipv4_addr . inet_proto . inet_service\n    elements'));
});

test('a Service without endpoints is refused, and equal input renders equal text', () => {
  const text = renderProxy(servicePorts([web], []), { podCidr: '10.244.0.0/24' });
  assert.match(text, /set dead_addresses \{\n.*\n\s+elements = \{ 10\.96\.0\.7 \. tcp \. 80 \}/);
  assert.equal(text, renderProxy(servicePorts([web], []), { podCidr: '10.244.0.0/24' }));
});
