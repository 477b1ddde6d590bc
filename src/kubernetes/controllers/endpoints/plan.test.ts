import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service } from '../../../api/kubernetes/types.generated.ts';
import { endpointsOf, sliceMetadata, sliceSpecs } from './plan.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'web', uid: 's1', labels: { team: 'a' } },
  spec: { clusterIP: '10.96.0.7', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
};

function pod(
  name: string,
  ip: string,
  ready: boolean,
  change: { readonly port?: number; readonly deleted?: boolean; readonly phase?: string } = {},
): Pod {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, uid: name, ...(change.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: change.port ?? 8080 }] }] },
    status: { podIP: ip, phase: change.phase ?? 'Running', conditions },
  };
}

test('one slice with each pod’s conditions; named ports are resolved in the pod', () => {
  const [slice, ...more] = sliceSpecs(service, [
    pod('b', '10.244.0.6', false),
    pod('a', '10.244.0.5', true),
    pod('c', '10.244.0.7', true, { deleted: true }),
  ]);
  assert.deepEqual(more, []);
  assert.deepEqual(slice?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  assert.deepEqual(
    slice?.endpoints.map(({ addresses, conditions }) => [...addresses, conditions?.ready, conditions?.serving, conditions?.terminating]),
    [
      ['10.244.0.5', true, true, false],
      ['10.244.0.6', false, false, false],
      ['10.244.0.7', false, true, true],
    ],
  );
});

test('pods that resolve a name to different numbers are in different slices; finished ones in none', () => {
  const slices = sliceSpecs(service, [
    pod('a', '10.244.0.5', true),
    pod('b', '10.244.0.6', true, { port: 9090 }),
    pod('c', '10.244.0.7', true, { phase: 'Succeeded' }),
  ]);
  assert.deepEqual(
    slices.map((slice) => slice.ports?.[0]?.port),
    [8080, 9090],
  );
});

test('without pods there is one empty slice, and a hundred and one pods make two', () => {
  assert.deepEqual(
    sliceSpecs(service, []).map((slice) => slice.endpoints.length),
    [0],
  );
  const many = Array.from({ length: 101 }, (_, index) => pod(`p${index}`, `10.244.1.${index}`, true));
  assert.deepEqual(
    sliceSpecs(service, many).map((slice) => slice.endpoints.length),
    [100, 1],
  );
});

test('slices say whose they are', () => {
  const { labels, ownerReferences } = sliceMetadata({ ...service, spec: { ...service.spec, clusterIP: 'None' } });
  assert.equal(labels?.['kubernetes.io/service-name'], 'web');
  assert.equal(labels?.['service.kubernetes.io/headless'], '');
  assert.equal(labels?.['team'], 'a');
  assert.equal(ownerReferences?.[0]?.kind, 'Service');
});

test('the legacy Endpoints keep ready and not ready apart', () => {
  const { subsets } = endpointsOf(service, [pod('a', '10.244.0.5', true), pod('b', '10.244.0.6', false)]);
  assert.deepEqual(
    subsets?.map((subset) => [subset.addresses?.[0]?.ip, subset.notReadyAddresses?.[0]?.ip]),
    [['10.244.0.5', '10.244.0.6']],
  );
  assert.equal(endpointsOf(service, []).subsets, undefined);
});

test('trafficDistribution becomes hints for the endpoint’s zone and node', () => {
  const spread = (trafficDistribution: string): unknown =>
    sliceSpecs(
      { ...service, spec: { ...service.spec, trafficDistribution } },
      [pod('a', '10.244.0.5', true), pod('b', '10.244.0.6', false)],
      () => 'z',
    )
      .flatMap((slice) => slice.endpoints)
      .map(({ zone, hints }) => [zone, hints]);
  assert.deepEqual(spread('PreferClose'), [
    ['z', { forZones: [{ name: 'z' }] }],
    ['z', undefined],
  ]);
  assert.deepEqual(spread('PreferSameNode'), [
    ['z', { forZones: [{ name: 'z' }], forNodes: [{ name: 'n1' }] }],
    ['z', undefined],
  ]);
});
