import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Volume } from '../../../api/kubernetes/types.generated.ts';
import { podOf } from '../pod/pod.fake.ts';
import { payloadOf, payloadReferences, type PayloadSources } from './payload.ts';

const sources: PayloadSources = {
  configMaps: new Map([['c', { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { a: '1', b: '2' } }]]),
  secrets: new Map([['s', { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { key: 'azE=' } }]]),
  podIp: '10.244.0.5',
  hostIp: '192.0.2.1',
  nodeName: 'n1',
  allocatable: {},
};

function files(volume: Omit<Volume, 'name'>): Record<string, string> {
  const payload = payloadOf(podOf(), { name: 'v', ...volume }, sources) ?? new Map();
  return Object.fromEntries([...payload].map(([path, { data, mode }]) => [path, `${data.toString()} ${mode.toString(8)}`]));
}

test('all keys, or the chosen ones under their paths', () => {
  assert.deepEqual(files({ configMap: { name: 'c' } }), { a: '1 644', b: '2 644' });
  assert.deepEqual(files({ configMap: { name: 'c', items: [{ key: 'b', path: 'x/y', mode: 0o600 }] } }), { 'x/y': '2 600' });
});

test('a projected volume puts its sources together; without a token from the server there is no token file', () => {
  const projected = {
    defaultMode: 0o440,
    sources: [
      { secret: { name: 's' } },
      { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      { serviceAccountToken: { path: 'token' } },
    ],
  };
  assert.deepEqual(files({ projected }), { key: 'k1 440', name: 'web 440' });
  assert.deepEqual(payloadReferences({ name: 'v', projected }), { configMaps: [], secrets: ['s'] });
});

test('what is missing is an error unless it is optional; paths stay inside', () => {
  assert.throws(() => files({ configMap: { name: 'gone' } }), /configmap "gone" not found/);
  assert.deepEqual(files({ configMap: { name: 'gone', optional: true } }), {});
  assert.throws(() => files({ configMap: { name: 'c', items: [{ key: 'zzz', path: 'z' }] } }), /non-existent config key: zzz/);
  assert.throws(() => files({ configMap: { name: 'c', items: [{ key: 'a', path: '../etc' }] } }), /must be relative/);
});
