import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAttributes, decodeMessages, decodeText, encodeAttributes, encodeMessage, nested, text, u32, u8 } from './netlink.ts';

test('an attribute counts its header, not its padding', () => {
  assert.equal(encodeAttributes([[4, u8(7)]]).toString('hex'), '0500040007000000');
});

test('attributes come back by type, nesting flag stripped', () => {
  const encoded = encodeAttributes([
    [3, text('eth0')],
    [18 | nested, encodeAttributes([[1, text('veth')]])],
    [4, u32(1500)],
  ]);
  const attributes = decodeAttributes(encoded);
  assert.equal(decodeText(attributes.get(3)), 'eth0');
  assert.equal(decodeText(decodeAttributes(attributes.get(18) ?? Buffer.alloc(0)).get(1)), 'veth');
  assert.equal(attributes.get(4)?.readUInt32LE(0), 1500);
});

test('several messages of one datagram', () => {
  const data = Buffer.concat([encodeMessage(16, 2, 7, Buffer.from('abcd')), encodeMessage(3, 2, 7, Buffer.alloc(4))]);
  assert.deepEqual(
    decodeMessages(data).map(({ type, sequence, payload }) => [type, sequence, payload.length]),
    [
      [16, 7, 4],
      [3, 7, 4],
    ],
  );
});

test('a cut or senseless message ends the decoding', () => {
  assert.deepEqual(decodeMessages(Buffer.alloc(32)), []);
  assert.deepEqual(decodeMessages(Buffer.alloc(7)), []);
  assert.equal(decodeAttributes(Buffer.from([1, 0, 0, 0])).size, 0);
  assert.equal(decodeText(undefined), '');
});
