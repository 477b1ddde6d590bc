import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOf } from './schema-table.ts';
import { jsonMerge, strategicMerge } from './strategic-merge.ts';

const pod = (spec: object): Record<string, unknown> => ({ spec });
const merge = (original: object, patch: object): unknown => strategicMerge(schemaOf('api.core.v1.Pod'), pod(original), pod(patch))['spec'];
const a = { name: 'a', image: 'a:1' };
const b = { name: 'b', image: 'b:1' };

test('lists with a merge key are merged by it', () => {
  assert.deepEqual(merge({ containers: [a, b] }, { containers: [{ name: 'b', image: 'b:2' }] }), {
    containers: [a, { name: 'b', image: 'b:2' }],
  });
  assert.deepEqual(merge({ containers: [a] }, { containers: [b] }), { containers: [a, b] });
});

test('directives: delete, replace, order, retain, primitive lists', () => {
  assert.deepEqual(merge({ containers: [a, b] }, { containers: [{ name: 'a', $patch: 'delete' }] }), { containers: [b] });
  assert.deepEqual(merge({ containers: [a, b] }, { containers: [{ $patch: 'replace' }, { name: 'c', image: 'c' }] }), {
    containers: [{ name: 'c', image: 'c' }],
  });
  assert.deepEqual(
    merge(
      { containers: [a, b] },
      { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: 'a:2' }] },
    ),
    {
      containers: [b, { name: 'a', image: 'a:2' }],
    },
  );
  assert.deepEqual(merge({ nodeSelector: { x: '1' } }, { nodeSelector: { $patch: 'replace', y: '2' } }), { nodeSelector: { y: '2' } });
  const finalizers = strategicMerge(
    schemaOf('api.core.v1.Pod'),
    { metadata: { finalizers: ['x', 'y'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } },
  );
  assert.deepEqual(finalizers, { metadata: { finalizers: ['y'] } });
  const strategy = strategicMerge(
    schemaOf('api.apps.v1.Deployment'),
    { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
    { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
  );
  assert.deepEqual(strategy, { spec: { strategy: { type: 'Recreate' } } });
});

test('lists without a merge key are replaced, null removes', () => {
  assert.deepEqual(merge({ containers: [{ ...a, args: ['1', '2'] }] }, { containers: [{ name: 'a', args: ['3'] }] }), {
    containers: [{ ...a, args: ['3'] }],
  });
  assert.deepEqual(merge({ hostname: 'x', nodeName: 'n' }, { hostname: null }), { nodeName: 'n' });
});

test('a merged item without its key is refused', () => {
  assert.throws(() => merge({ containers: [a] }, { containers: [{ image: 'x' }] }), /does not contain declared merge key: name/);
});

test('JSON merge patch', () => {
  assert.deepEqual(jsonMerge({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null }, d: [2] }), { a: { c: 2 }, d: [2] });
});
