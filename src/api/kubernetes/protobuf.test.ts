import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from './protobuf.ts';

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A number as a varint; text, or messages in a row, as length and bytes. */
function field(number: number, ...parts: readonly (Buffer | string | number)[]): Buffer {
  const [first] = parts;
  if (typeof first === 'number') return Buffer.concat([varint(number * 8), varint(first)]);
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
}

const body = (apiVersion: string, kind: string, ...raw: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), field(1, field(1, apiVersion), field(2, kind)), field(2, ...raw), field(3), field(4)]);

/** The fields of an object decoded, without what names its type. */
function decoded(apiVersion: string, kind: string, ...raw: readonly Buffer[]): object {
  const { apiVersion: _version, kind: _kind, ...rest } = decodeProtobuf(body(apiVersion, kind, ...raw)) as Record<string, unknown>;
  return rest;
}

const podSpec = (...fields: readonly Buffer[]): object => decoded('v1', 'Pod', field(2, ...fields));
const meta = (...fields: readonly Buffer[]): object => decoded('v1', 'ConfigMap', field(1, ...fields));

test('what kubectl 1.32 sends for `create deployment web --image=nginx:1 --replicas=2 --port=80`', () => {
  const sent =
    'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EroBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEogBCAISDAoKCgNhcHASA3dlYhpuChwKABIAGgAiACoAMgA4' +
    'AEIAWgoKA2FwcBIDd2ViEk4SMAoFbmdpbngSB25naW54OjEqADIKCgAQABhQIgAqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoA' +
    'KAA4ABoMCAAQABgAIAAoADgAGgAiAA==';
  assert.deepEqual(decodeProtobuf(Buffer.from(sent, 'base64')), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'nginx', image: 'nginx:1', ports: [{ containerPort: 80 }], resources: {} }] },
      },
      strategy: {},
    },
    status: {},
  });
});

test('a zero stays where Go has a pointer or JSON always has the field', () => {
  const cases: readonly (readonly [object, object])[] = [
    [decoded('apps/v1', 'Deployment', field(2, field(1, 0), field(5, 0))), { spec: { replicas: 0 } }],
    [
      podSpec(field(4, 0), field(10), field(11, 0), field(21, 0)),
      { spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false } },
    ],
    [podSpec(field(1, field(1, 'v'), field(2, field(2)))), { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }],
    [podSpec(field(2, field(1), field(2), field(4, ''))), { spec: { containers: [{ name: '', args: [''] }] } }],
    [decoded('v1', 'PersistentVolumeClaim', field(2, field(5, ''), field(3, ''))), { spec: { storageClassName: '' } }],
  ];
  for (const [actual, expected] of cases) assert.deepEqual(actual, expected);
});

test('numbers, times, quantities, embedded JSON', () => {
  const time = field(8, field(1, 1_700_000_000), field(2, 999_000_000));
  assert.deepEqual(meta(time, field(7, 0), field(10, 0)), {
    metadata: { creationTimestamp: '2023-11-14T22:13:20Z', deletionGracePeriodSeconds: 0 },
  });
  assert.deepEqual(meta(field(8)), { metadata: {} });
  assert.deepEqual(decoded('coordination.k8s.io/v1', 'Lease', field(2, field(4, field(1, 0), field(2, 1_500)))), {
    spec: { renewTime: '1970-01-01T00:00:00.000001Z' },
  });
  const managed = field(17, field(1, 'kubectl'), field(7, field(1, '{"f:data":{}}')));
  assert.deepEqual(meta(managed), { metadata: { managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:data': {} } }] } });
  assert.deepEqual(decoded('apps/v1', 'ControllerRevision', field(2, field(1, '{"a":1}')), field(3, -7)), { data: { a: 1 }, revision: -7 });
  const requests = field(2, field(1, 'cpu'), field(2, field(1, '250m')));
  assert.deepEqual(podSpec(field(2, field(1, 'c'), field(8, requests))), {
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '250m' } } }] },
  });
  for (const value of [-1, 2 ** 31 - 1, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53) + 1])
    assert.deepEqual(podSpec(field(5, value)), { spec: { activeDeadlineSeconds: value } });
  const packed = field(14, field(4, varint(1), varint(70_000)), field(4, 3));
  assert.deepEqual(podSpec(packed), { spec: { securityContext: { supplementalGroups: [1, 70_000, 3] } } });
});

test('ports by number and name, maps, bytes, inline messages, lists as messages', () => {
  const port = (...target: readonly Buffer[]): Buffer => field(1, field(3, 80), field(4, ...target), field(5, 0));
  const ports = [
    port(field(1, 0), field(2, 8080), field(3)),
    port(field(1, 1), field(2, 0), field(3, 'http')),
    port(field(1, 0), field(2, 0)),
  ];
  assert.deepEqual(decoded('v1', 'Service', field(2, ...ports)), {
    spec: { ports: [{ port: 80, targetPort: 8080 }, { port: 80, targetPort: 'http' }, { port: 80 }] },
  });
  const label = field(2, field(1, '__proto__'), field(2, 'x'));
  const secret = decoded('v1', 'Secret', field(2, field(1, 'a'), field(2, 'b')), field(2, field(1, 'none')), field(4, field(1, 'c')));
  assert.deepEqual(secret, { data: { a: 'Yg==', none: '' }, stringData: { c: '' } });
  assert.deepEqual(Object.keys((decoded('v1', 'ConfigMap', label) as { data: object }).data), ['__proto__']);
  const probe = field(10, field(1, field(2, field(1, '/'), field(2, field(1, 1), field(3, 'web')))), field(4, 5));
  assert.deepEqual(podSpec(field(2, field(1, 'c'), probe)), {
    spec: { containers: [{ name: 'c', livenessProbe: { httpGet: { path: '/', port: 'web' }, periodSeconds: 5 } }] },
  });
  const extra = field(5, field(1, 'scopes'), field(2, field(1, 'a'), field(1, 'b')));
  assert.deepEqual(decoded('authorization.k8s.io/v1', 'SubjectAccessReview', field(2, extra)), { spec: { extra: { scopes: ['a', 'b'] } } });
});

test('delete options have the name of any group', () => {
  for (const version of ['v1', 'apps/v1', 'policy/v1'])
    assert.deepEqual(decoded(version, 'DeleteOptions', field(1, 0), field(4, 'Orphan')), {
      gracePeriodSeconds: 0,
      propagationPolicy: 'Orphan',
    });
  const options = field(2, field(1, 30));
  assert.deepEqual(decoded('policy/v1', 'Eviction', field(1, field(1, 'p')), options), {
    metadata: { name: 'p' },
    deleteOptions: { gracePeriodSeconds: 30 },
  });
});

test('unknown fields are passed over, broken bodies refused', () => {
  assert.deepEqual(decoded('v1', 'ConfigMap', field(15, 'x'), field(900, 7), Buffer.from([0x7d, 1, 2, 3, 4]), field(4, 1)), {
    immutable: true,
  });
  const whole = body('v1', 'ConfigMap', field(1, field(1, 'name')));
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.from('{}'), /does not start with/],
    [body('v1', 'Nope'), /v1, Kind=Nope is not read as protobuf/],
    [body('apps/v1', 'Pod'), /apps\/v1, Kind=Pod is not read/],
    [whole.subarray(0, 12), /cut off/],
    [body('v1', 'ConfigMap', Buffer.from([0x0a, 0x80])), /cut off/],
    [body('v1', 'ConfigMap', Buffer.alloc(11, 0xff)), /longer than 64 bits/],
    [body('v1', 'ConfigMap', Buffer.from([0x0b])), /wire type 3/],
    [body('v1', 'ConfigMap', field(1, 7)), /bytes were sent as a number/],
    [body('v1', 'ConfigMap', field(4, 'yes')), /a number was sent as bytes/],
    [body('v1', 'ConfigMap', field(1, field(8, field(1, 2 ** 50)))), /time is out of range/],
    [body('apps/v1', 'ControllerRevision', field(2, field(1, 'k8s'))), /not JSON/],
  ];
  for (const [bytes, text] of cases) assert.throws(() => decodeProtobuf(bytes), text);
});
