import { isIPv4 } from 'node:net';
import { KindError } from '../../base/errors.ts';

/** IPv4 subnets as numbers: `base` is the first address, `size` the count of addresses. */
export interface Subnet {
  readonly base: number;
  readonly size: number;
  readonly prefix: number;
}

export function parseSubnet(cidr: string): Subnet {
  const [address = '', length = ''] = cidr.split('/');
  const prefix = Number(length);
  if (!isIPv4(address) || !/^\d+$/.test(length) || prefix > 32)
    throw new KindError('invalid', `invalid subnet ${cidr}: want an IPv4 CIDR such as 172.20.0.0/16`);
  const size = 2 ** (32 - prefix);
  const number = toNumber(address);
  return { base: number - (number % size), size, prefix };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${toAddress(base)}/${prefix}`;
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + subnet.size;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + b.size && b.base < a.base + a.size;
}

export function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
