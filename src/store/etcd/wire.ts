/**
 * Protocol buffers' wire format, as far as etcd's API needs it: varints and length-delimited fields.
 * https://protobuf.dev/programming-guides/encoding/
 *
 *   field = varint of number * 8 + wire type · value        wire types: 0 varint, 2 length + bytes
 */

/** A varint is a number, or a bigint beyond 2^53 (etcd's random ids). Bytes are a view into the message. */
export type WireValue = number | bigint | Buffer;

export type Parts = readonly Uint8Array[];

export function bytesField(number: number, value: Uint8Array): Parts {
  return value.length === 0 ? [] : [varint(number * 8 + 2), varint(value.length), value];
}

/** Non-negative and at most 2^53. */
export function numberField(number: number, value: number): Parts {
  return value === 0 ? [] : [varint(number * 8), varint(value)];
}

/** A number that is sent even when it is 0: a member of a `oneof` says by its presence which one is meant. */
export function presentNumberField(number: number, value: number): Parts {
  return [varint(number * 8), varint(value)];
}

export function flagField(number: number, value: boolean | undefined): Parts {
  return numberField(number, value ? 1 : 0);
}

/** Sent also when it is empty. */
export function messageField(number: number, parts: Parts): Parts {
  return [varint(number * 8 + 2), varint(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Calls `visit` for each field of a message, in order. Fixed-width fields are passed over: etcd's API has none. */
export function eachField(message: Buffer, visit: (number: number, value: WireValue) => void): void {
  const cursor = { message, position: 0 };
  while (cursor.position < message.length) {
    const tag = Number(readVarint(cursor));
    const [number, wireType] = [tag >>> 3, tag & 7];
    if (wireType === 0) visit(number, readVarint(cursor));
    else if (wireType === 2) visit(number, take(cursor, Number(readVarint(cursor))));
    else if (wireType === 1 || wireType === 5) take(cursor, wireType === 1 ? 8 : 4);
    else throw new Error(`etcd's answer is malformed: wire type ${wireType}`);
  }
}

interface Cursor {
  readonly message: Buffer;
  position: number;
}

function take(cursor: Cursor, length: number): Buffer {
  const end = cursor.position + length;
  if (end > cursor.message.length) throw new Error("etcd's answer is malformed: it is cut off");
  const taken = cursor.message.subarray(cursor.position, end);
  cursor.position = end;
  return taken;
}

function readVarint(cursor: Cursor): number | bigint {
  const start = cursor.position;
  let [value, scale] = [0, 1];
  for (;;) {
    const byte = cursor.message[cursor.position];
    if (byte === undefined) throw new Error("etcd's answer is malformed: it is cut off");
    cursor.position += 1;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) break;
  }
  return Number.isSafeInteger(value) ? value : exactVarint(cursor.message.subarray(start, cursor.position));
}

function exactVarint(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte, index) => sum | (BigInt(byte & 0x7f) << BigInt(7 * index)), 0n);
}
