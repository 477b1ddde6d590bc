import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf } from './ledger.ts';

const owners = {
  layers: new Set(['aa']),
  snapshots: new Set(['c1']),
  links: new Set(['1', '2']),
  containers: new Set(['c1']),
  volumes: new Set(['data']),
};

test('every place has one owner, and nothing is lost', () => {
  const places = {
    '.': 1,
    overlay2: 2,
    'overlay2/empty': 4,
    'overlay2/aa': 8,
    'overlay2/bb': 16,
    'overlay2/c1-rw': 32,
    'overlay2/c2-rw': 64,
    l: 128,
    'l/1': 256,
    'l/9': 512,
    'containers/c1': 1024,
    'containers/c9': 2048,
    'volumes/data': 4096,
    'tmp/x': 8192,
    'store.db-wal': 16_384,
    surprise: 32_768,
  };
  const { total, rows } = ledgerOf(places, owners);
  assert.equal(total, 65_535);
  assert.equal(
    rows.reduce((sum, row) => sum + row.bytes, 0),
    total,
  );
  const of = (kind: string): unknown => rows.filter((row) => row.kind === kind).map(({ name, bytes }) => [name, bytes]);
  assert.deepEqual(of('layer'), [['aa', 8]]);
  assert.deepEqual(of('snapshot'), [['c1', 32]]);
  assert.deepEqual(of('structure'), [['', 1 + 2 + 4 + 128 + 256]]);
  assert.deepEqual(of('unowned'), [
    ['overlay2/bb', 16],
    ['overlay2/c2-rw', 64],
    ['l/9', 512],
    ['containers/c9', 2048],
    ['surprise', 32_768],
  ]);
});
