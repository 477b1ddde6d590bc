import { isIP } from 'node:net';
import { KindError } from '../../base/errors.ts';

/** A subnet of either family as numbers: `base` is the first address, `size` the count of addresses. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly size: bigint;
  readonly prefix: number;
}

const bitsOf = { 4: 32, 6: 128 } as const;

export function isSubnet(cidr: string): boolean {
  const [address = '', length = ''] = cidr.split('/');
  return isIP(address) !== 0 && /^\d+$/.test(length) && Number(length) <= bitsOf[familyOf(address)];
}

export function parseSubnet(cidr: string): Subnet {
  const [address = '', length = ''] = cidr.split('/');
  if (!isSubnet(cidr)) throw new KindError('invalid', `invalid subnet ${cidr}: want a CIDR such as 172.20.0.0/16 or fd00:1::/64`);
  return subnetAt(toNumber(address), familyOf(address), Number(length));
}

/** The subnet of that prefix length that holds the address. */
export function subnetAt(address: bigint, family: 4 | 6, prefix: number): Subnet {
  const size = 1n << BigInt(bitsOf[family] - prefix);
  return { family, base: address - (address % size), size, prefix };
}

export function formatSubnet({ base, prefix, family }: Subnet): string {
  return `${toAddress(base, family)}/${prefix}`;
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

export function contains(subnet: Subnet, address: string): boolean {
  const number = toNumber(address);
  return familyOf(address) === subnet.family && number >= subnet.base && number < subnet.base + subnet.size;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && a.base < b.base + b.size && b.base < a.base + a.size;
}

export function toNumber(address: string): bigint {
  if (familyOf(address) === 4) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  return groupsOf(address).reduce((sum, group) => sum * 65_536n + BigInt(group), 0n);
}

export function toAddress(number: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((number >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return normalAddress(groups.join(':'));
}

/** The one spelling of an address (RFC 5952). */
export function normalAddress(address: string): string {
  return familyOf(address) === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** `172.17.0.2/16` → `172.17.0.2` */
export function addressOf(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}

function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = normalAddress(address).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}
