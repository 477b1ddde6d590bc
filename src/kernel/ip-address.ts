import { isIPv4, isIPv6 } from 'node:net';
import { KindError } from '../base/errors.ts';

/** An address as the kernel takes it. */
export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Buffer;
}

export interface Cidr extends Address {
  readonly prefix: number;
}

export function parseAddress(text: string): Address {
  if (isIPv4(text)) return { family: 4, bytes: Buffer.from(text.split('.').map(Number)) };
  if (isIPv6(text)) return { family: 6, bytes: ipv6Bytes(text) };
  throw new KindError('invalid', `invalid IP address "${text}"`);
}

/** `172.17.0.2/16`; a bare address is a host (/32 or /128). */
export function parseCidr(text: string): Cidr {
  const [address = '', prefix] = text.split('/');
  const parsed = parseAddress(address);
  const most = parsed.bytes.length * 8;
  const length = prefix === undefined ? most : Number(prefix);
  if ((prefix !== undefined && !/^\d+$/.test(prefix)) || length > most)
    throw new KindError('invalid', `invalid prefix length in "${text}": want 0 to ${most}`);
  return { ...parsed, prefix: length };
}

export function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function ipv6Bytes(text: string): Buffer {
  const [plain = ''] = text.split('%');
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const hex = (high: string | undefined, low: string | undefined): string => (Number(high) * 256 + Number(low)).toString(16);
  const full = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : plain;
  const [head = '', tail] = full.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const buffer = Buffer.alloc(16);
  [...left, ...Array<string>(zeros).fill('0'), ...right].forEach((group, index) =>
    buffer.writeUInt16BE(Number.parseInt(group, 16), index * 2),
  );
  return buffer;
}
