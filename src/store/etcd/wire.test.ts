import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTxn, decodeWatch, encodeTxn } from './messages.ts';
import { bytesField, eachField, messageField, numberField, presentNumberField, type WireValue } from './wire.ts';

const fieldsOf = (message: Buffer): (readonly [number, WireValue])[] => {
  const fields: (readonly [number, WireValue])[] = [];
  eachField(message, (number, value) => fields.push([number, value]));
  return fields;
};

test('numbers: the documented example, up to 2^53 exactly, and ids beyond as bigints', () => {
  assert.equal(Buffer.concat(numberField(1, 150)).toString('hex'), '089601');
  for (const value of [1, 127, 128, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    assert.deepEqual(fieldsOf(Buffer.concat(numberField(20, value))), [[20, value]]);
  }
  assert.deepEqual(numberField(1, 0), []);
  assert.deepEqual(fieldsOf(Buffer.concat(presentNumberField(6, 0))), [[6, 0]]);
  assert.deepEqual(fieldsOf(Buffer.from('08ffffffffffffffffff01', 'hex')), [[1, 0xffff_ffff_ffff_ffffn]]);
});

test('fixed-width fields are passed over, a cut message is refused', () => {
  assert.deepEqual(fieldsOf(Buffer.from('0d010203041901020304050607081007', 'hex')), [[2, 7]]);
  const whole = Buffer.concat(bytesField(1, Buffer.from('abc')));
  assert.throws(() => fieldsOf(whole.subarray(0, 4)), /cut off/);
});

test('a transaction: conditions, operations, and what to read when it fails', () => {
  const message = encodeTxn({
    conditions: [{ key: '/a', modRevision: 0 }],
    operations: [
      { put: '/a', value: Buffer.from('v'), returnPrevious: false },
      { delete: '/b', returnPrevious: true },
    ],
  });
  // compare { target: MOD, key: /a, mod_revision: 0 }, success [put, delete], failure [range]
  assert.equal(
    message.toString('hex'),
    '0a0810021a022f61300012091207_0a022f61120176_12081a060a022f621801_1a080a060a022f614001'.replaceAll('_', ''),
  );
});

test('a watch response: put, delete, compaction', () => {
  const entry = [
    ...bytesField(1, Buffer.from('/a')),
    ...numberField(2, 3),
    ...numberField(3, 4),
    ...numberField(4, 2),
    ...bytesField(5, Buffer.from('v')),
  ];
  const gone = [...bytesField(1, Buffer.from('/b')), ...numberField(3, 5)];
  const message = Buffer.concat([
    ...messageField(1, numberField(3, 5)),
    ...messageField(11, messageField(2, entry)),
    ...messageField(11, [...numberField(1, 1), ...messageField(2, gone)]),
  ]);
  const { events, revision } = decodeWatch(message);
  assert.equal(revision, 5);
  assert.deepEqual(events[0], {
    type: 'put',
    entry: { key: '/a', value: new Uint8Array([118]), createRevision: 3, modRevision: 4, version: 2 },
  });
  assert.deepEqual([events[1]?.type, events[1]?.entry.key, events[1]?.entry.modRevision], ['delete', '/b', 5]);
  assert.equal(decodeWatch(Buffer.concat([...numberField(4, 1), ...numberField(5, 9)])).compactRevision, 9);
});

test('a transaction’s answer: how many were deleted, and what was there before', () => {
  const before = messageField(3, [...bytesField(1, Buffer.from('/b')), ...numberField(4, 7)]);
  const message = Buffer.concat([
    ...messageField(1, numberField(3, 12)),
    ...numberField(2, 1),
    ...messageField(3, messageField(2, [])),
    ...messageField(3, messageField(3, [...numberField(2, 1), ...before])),
  ]);
  const { succeeded, revision, deleted, found } = decodeTxn(message);
  assert.deepEqual([succeeded, revision, deleted, found.length, found[0], found[1]?.version], [true, 12, 1, 2, undefined, 7]);
});
