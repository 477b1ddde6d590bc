import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOf } from './schema-table.ts';
import { decode } from './decode.ts';

const deployment = 'api.apps.v1.Deployment';

test('a good object passes as it is; nulls are absent', () => {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', labels: { a: 'b' } },
    spec: { replicas: 2, paused: null },
  };
  const { object: kept, unknown, mismatches } = decode(schemaOf(deployment), object);
  assert.deepEqual([unknown, mismatches], [[], []]);
  assert.deepEqual(kept, { ...object, spec: { replicas: 2 } });
});

test('null in a list is the zero value of its type, as in Go', () => {
  const { object } = decode(schemaOf(deployment), {
    metadata: { finalizers: [null] },
    spec: { template: { spec: { containers: [null, { name: 'c', args: ['a', null] }] } } },
  });
  assert.deepEqual(object, {
    metadata: { finalizers: [''] },
    spec: { template: { spec: { containers: [{}, { name: 'c', args: ['a', ''] }] } } },
  });
});

test('unknown fields are named by path and dropped', () => {
  const { object, unknown } = decode(schemaOf(deployment), {
    spec: { replicaz: 1, template: { spec: { containers: [{ name: 'c', imagee: 'x' }] } } },
  });
  assert.deepEqual(unknown, ['unknown field "spec.replicaz"', 'unknown field "spec.template.spec.containers[0].imagee"']);
  assert.deepEqual(object, { spec: { template: { spec: { containers: [{ name: 'c' }] } } } });
});

test('wrong types are told as kube-apiserver tells them', () => {
  assert.deepEqual(decode(schemaOf(deployment), { spec: { replicas: 'two' } }).mismatches, [
    'json: cannot unmarshal string into Go struct field Deployment.spec.replicas of type int32',
  ]);
  assert.deepEqual(
    decode(schemaOf('api.core.v1.Service'), {
      spec: {
        ports: [
          { port: 80, targetPort: 'http' },
          { port: 81, targetPort: 8080 },
        ],
      },
    }).mismatches,
    [],
  );
});
