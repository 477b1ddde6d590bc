import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAttributes, decodeMessages } from './netlink.ts';
import { encodeElementBatch } from './nft-messages.ts';

const element = { collection: 'm', key: '10.96.0.7 . tcp . 80', value: 'goto web' };

test('a batch begins, removes, adds, ends; only the last change asks for an answer', () => {
  const { batch, lastSequence } = encodeElementBatch('ip', 't', { remove: [element], add: [element] });
  assert.deepEqual(
    decodeMessages(batch).map(({ type, sequence }) => [type, sequence]),
    [
      [0x10, 0],
      [0x0a0e, 1],
      [0x0a0c, 2],
      [0x11, 3],
    ],
  );
  assert.equal(lastSequence, 2);
  assert.equal(batch.subarray(20).readUInt16LE(6) & 4, 0);
});

test('the parts of a key are padded to four bytes each', () => {
  const { batch } = encodeElementBatch('ip', 't', { remove: [], add: [element] });
  const [, message] = decodeMessages(batch);
  const attributes = decodeAttributes(message?.payload.subarray(4) ?? Buffer.alloc(0));
  const one = decodeAttributes(decodeAttributes(attributes.get(3) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0));
  assert.equal(
    decodeAttributes(one.get(1) ?? Buffer.alloc(0))
      .get(1)
      ?.toString('hex'),
    '0a6000070600000000500000',
  );
  const verdict = decodeAttributes(decodeAttributes(one.get(2) ?? Buffer.alloc(0)).get(2) ?? Buffer.alloc(0));
  assert.equal(verdict.get(1)?.readInt32BE(0), -4);
  assert.equal(verdict.get(2)?.toString(), 'web\0');
});

test('many elements are spread over messages, since an attribute ends at 64 KB', () => {
  const add = Array.from({ length: 600 }, (_, index) => ({ collection: 's', key: `10.0.${index >> 8}.${index & 255}` }));
  assert.equal(encodeElementBatch('ip', 't', { remove: [], add }).lastSequence, 3);
});
