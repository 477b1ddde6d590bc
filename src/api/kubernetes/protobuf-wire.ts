import { KindError } from '../../base/errors.ts';

/** A field's value as it is on the wire: a varint (signed, 64 bits wide), or bytes. */
export type WireValue = number | Buffer;

/**
 * The fields of one message, in order. Fixed-width numbers are passed over: no type of Kubernetes that davit serves has any.
 * https://protobuf.dev/programming-guides/encoding/
 *
 *   field = varint of number * 8 + wire type · value        wire types: 0 varint, 1 eight bytes, 2 length + bytes, 5 four bytes
 */
export function* wireFields(bytes: Buffer): Generator<readonly [number: number, value: WireValue]> {
  const cursor = { bytes, position: 0 };
  while (cursor.position < bytes.length) {
    const tag = varint(cursor);
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) yield [number, varint(cursor)];
    else if (wireType === 2) yield [number, take(cursor, varint(cursor))];
    else if (wireType === 1) take(cursor, 8);
    else if (wireType === 5) take(cursor, 4);
    else throw malformed(`wire type ${wireType} is not used by Kubernetes`);
  }
}

/** The numbers of a packed repeated field. */
export function packedNumbers(bytes: Buffer): readonly number[] {
  const cursor = { bytes, position: 0 };
  const numbers: number[] = [];
  while (cursor.position < bytes.length) numbers.push(varint(cursor));
  return numbers;
}

/** The last value of a field that is bytes; empty when it was not sent. */
export function bytesOf(bytes: Buffer, number: number): Buffer {
  const value = [...wireFields(bytes)].findLast((field) => field[0] === number)?.[1];
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** The last value of a field that is a varint; 0 when it was not sent. */
export function numberOf(bytes: Buffer, number: number): number {
  const value = [...wireFields(bytes)].findLast((field) => field[0] === number)?.[1];
  return typeof value === 'number' ? value : 0;
}

export function malformed(why: string): KindError {
  return new KindError('invalid', `the body of the request was in an unknown format - ${why}`);
}

interface Cursor {
  readonly bytes: Buffer;
  position: number;
}

function take(cursor: Cursor, length: number): Buffer {
  const end = cursor.position + length;
  if (length < 0 || end > cursor.bytes.length) throw malformed('the body is cut off');
  const taken = cursor.bytes.subarray(cursor.position, end);
  cursor.position = end;
  return taken;
}

/** Seven bits a byte, lowest first. Two halves of 28 and 36 bits keep -1 (ten bytes, nearly all ones) exact in a JavaScript number. */
function varint(cursor: Cursor): number {
  let [low, high] = [0, 0];
  for (let index = 0; index < 10; index += 1) {
    const byte = cursor.bytes[cursor.position];
    if (byte === undefined) throw malformed('the body is cut off');
    cursor.position += 1;
    if (index < 4) low += (byte & 0x7f) * 2 ** (7 * index);
    else high += (byte & 0x7f) * 2 ** (7 * (index - 4));
    if (byte >= 0x80) continue;
    const unsigned = high % 2 ** 36;
    return (unsigned >= 2 ** 35 ? unsigned - 2 ** 36 : unsigned) * 2 ** 28 + low;
  }
  throw malformed('a number is longer than 64 bits');
}
