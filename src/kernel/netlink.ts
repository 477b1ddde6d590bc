/** Netlink framing, netlink(7): messages of a 16-byte header, a fixed struct, and attributes padded to 4 bytes. Pure. */

export const ack = 0x4;
export const request = 0x1;
export const dump = 0x300;
export const exclusive = 0x200;
export const create = 0x400;
export const nested = 0x8000;

export const errorType = 2;
export const doneType = 3;

export interface NetlinkMessage {
  readonly type: number;
  readonly sequence: number;
  /** After the header. */
  readonly payload: Buffer;
}

export type Attribute = readonly [type: number, value: Buffer];

export const u8 = (value: number): Buffer => Buffer.from([value]);

export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

/** NUL-terminated. */
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** `7 0 4 0 | value | padding`: length counts its own 4 bytes but no padding. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(([type, value]) => {
      const buffer = Buffer.alloc(align(4 + value.length));
      buffer.writeUInt16LE(4 + value.length, 0);
      buffer.writeUInt16LE(type, 2);
      value.copy(buffer, 4);
      return buffer;
    }),
  );
}

export function encodeMessage(type: number, flags: number, sequence: number, payload: Buffer): Buffer {
  const buffer = Buffer.alloc(16 + payload.length);
  buffer.writeUInt32LE(buffer.length, 0);
  buffer.writeUInt16LE(type, 4);
  buffer.writeUInt16LE(flags, 6);
  buffer.writeUInt32LE(sequence, 8);
  payload.copy(buffer, 16);
  return buffer;
}

export function decodeMessages(data: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + 16 <= data.length;) {
    const length = data.readUInt32LE(at);
    if (length < 16) break;
    messages.push({ type: data.readUInt16LE(at + 4), sequence: data.readUInt32LE(at + 8), payload: data.subarray(at + 16, at + length) });
    at += align(length);
  }
  return messages;
}

/** Attributes by type, flags stripped; the last of a type wins. */
export function decodeAttributes(data: Buffer): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= data.length;) {
    const length = data.readUInt16LE(at);
    if (length < 4) break;
    attributes.set(data.readUInt16LE(at + 2) & 0x3fff, data.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

export function decodeText(value: Buffer | undefined): string {
  if (value === undefined) return '';
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}

function align(length: number): number {
  return (length + 3) & ~3;
}
