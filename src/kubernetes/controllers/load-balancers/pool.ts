import { isIPv4 } from 'node:net';
import { KindError } from '../../../base/errors.ts';

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Addresses that Services of type LoadBalancer may get. */
export interface AddressPool {
  readonly text: string;
  readonly ranges: readonly Range[];
}

/** `198.18.7.16/28`, `192.0.2.10-192.0.2.20`, single addresses, several by commas. Empty text: no addresses. */
export function parsePool(text: string): AddressPool {
  const pieces = text
    .split(',')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '');
  return { text: pieces.join(','), ranges: pieces.map(parseRange) };
}

export function isInPool(pool: AddressPool, address: string): boolean {
  const number = isIPv4(address) ? numberOf(address) : -1;
  return pool.ranges.some(({ first, last }) => first <= number && number <= last);
}

/** The wanted address when it is free, else (nothing wanted) the first free one. */
export function pickAddress(pool: AddressPool, taken: ReadonlySet<string>, wanted: string | undefined): string | undefined {
  if (wanted !== undefined) return isInPool(pool, wanted) && !taken.has(wanted) ? wanted : undefined;
  for (const { first, last } of pool.ranges) {
    for (let number = first; number <= last; number += 1) if (!taken.has(textOf(number))) return textOf(number);
  }
  return undefined;
}

/** Of a network, all but its own and its broadcast address. */
function parseRange(piece: string): Range {
  const refused = new KindError(
    'invalid',
    `load balancer pool: "${piece}" is no IPv4 address, network (198.18.7.16/28) or range (192.0.2.10-192.0.2.20)`,
  );
  const [from = '', to] = piece.split('-');
  const [address = '', bits] = from.split('/');
  if (!isIPv4(address) || (to !== undefined && (bits !== undefined || !isIPv4(to)))) throw refused;
  if (to !== undefined) return { first: numberOf(from), last: numberOf(to) };
  const length = bits === undefined ? 32 : Number(bits);
  if (!Number.isInteger(length) || length < 8 || length > 32) throw refused;
  const size = 2 ** (32 - length);
  const first = Math.floor(numberOf(address) / size) * size;
  return size < 4 ? { first, last: first + size - 1 } : { first: first + 1, last: first + size - 2 };
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
