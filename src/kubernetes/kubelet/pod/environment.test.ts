import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../api/kubernetes/types.generated.ts';
import { environmentOf, type EnvironmentSources } from './environment.ts';
import { expand } from './expand.ts';
import { appContainer, podOf } from './pod.fake.ts';

const redis: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'redis-db', namespace: 'default' },
  spec: { clusterIP: '10.96.0.9', ports: [{ name: 'main', port: 6379 }] },
};

function sources(fields: Partial<EnvironmentSources> = {}): EnvironmentSources {
  return {
    configMaps: new Map(),
    secrets: new Map(),
    services: [],
    podIp: '10.244.0.5',
    hostIp: '192.0.2.1',
    nodeName: 'n1',
    allocatable: { cpu: '2', memory: '4Gi' },
    ...fields,
  };
}

test('variables refer to earlier ones, keep what is unknown, and can be escaped', () => {
  const values = new Map([['A', '1']]);
  assert.equal(expand('$(A)-$(B)-$$(A)-$A', values), '1-$(B)-$(A)-$A');
});

test('Services are weakest, then envFrom, then env', () => {
  const container = appContainer({
    envFrom: [{ prefix: 'C_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }],
    env: [
      { name: 'URL', value: 'redis://$(REDIS_DB_SERVICE_HOST):$(C_PORT)' },
      { name: 'TOKEN', value: 'own' },
    ],
  });
  const configMaps = new Map([['c', { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { PORT: '6379' } }]]);
  const secrets = new Map([['s', { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { TOKEN: 'aGlkZGVu', KEY: 'azE=' } }]]);
  const result = environmentOf(podOf(), container, sources({ services: [redis], configMaps, secrets }));
  assert.equal(result.get('URL'), 'redis://10.96.0.9:6379');
  assert.equal(result.get('TOKEN'), 'own');
  assert.equal(result.get('KEY'), 'k1');
  assert.equal(result.get('REDIS_DB_PORT_6379_TCP_ADDR'), '10.96.0.9');
  assert.equal(result.get('REDIS_DB_SERVICE_PORT_MAIN'), '6379');
});

test('the downward API gives fields and resources', () => {
  const container = appContainer({
    resources: { limits: { memory: '64Mi' } },
    env: [
      { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ],
  });
  assert.deepEqual(Object.fromEntries(environmentOf(podOf(), container, sources())), {
    NAME: 'web',
    IP: '10.244.0.5',
    MEMORY: '64',
    CPU: '2',
  });
});

test('what is missing is an error unless it is optional', () => {
  const value = (optional: boolean) =>
    appContainer({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'gone', key: 'k', optional } } }] });
  assert.throws(() => environmentOf(podOf(), value(false), sources()), /configmap "gone" not found/);
  assert.equal(environmentOf(podOf(), value(true), sources()).size, 0);
});
