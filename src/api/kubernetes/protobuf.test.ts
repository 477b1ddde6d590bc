import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from './protobuf.ts';

/** One length-delimited field. */
function field(number: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([number * 8 + 2, value.length]), value]);
}

const varint = (number: number, value: number): Buffer => Buffer.from([number * 8, value]);
const body = (apiVersion: string, kind: string, ...raw: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), field(1, field(1, apiVersion), field(2, kind)), field(2, ...raw), field(3), field(4)]);

test('what kubectl create sends', () => {
  const meta = field(1, field(1, 'x'), field(2), field(3), varint(7, 0), field(8), field(11, field(1, 'app'), field(2, 'web')));
  assert.deepEqual(decodeProtobuf(body('v1', 'Secret', meta, field(2, field(1, 'a'), field(2, 'b')), field(3, 'Opaque'))), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'x', labels: { app: 'web' } },
    data: { a: 'Yg==' },
    type: 'Opaque',
  });
  const spec = field(2, varint(1, 0), field(2, field(1, field(1, 'app'), field(2, 'web'))), varint(5, 0));
  assert.deepEqual(decodeProtobuf(body('apps/v1', 'Deployment', meta, spec)), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', labels: { app: 'web' } },
    spec: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
  });
});

test('what it cannot read whole it refuses', () => {
  assert.throws(() => decodeProtobuf(Buffer.from('{}')), /does not start with/);
  assert.throws(() => decodeProtobuf(body('v1', 'Pod')), /kind Pod is not read as protobuf/);
  assert.throws(() => decodeProtobuf(body('v1', 'ConfigMap', field(15, 'x'))), /field 15 of ConfigMap/);
  assert.throws(() => decodeProtobuf(body('v1', 'ConfigMap').subarray(0, 12)), /cut off/);
});
