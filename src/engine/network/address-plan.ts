import { KindError } from '../../base/errors.ts';
import { contains, formatSubnet, normalAddress, overlaps, parseSubnet, subnetAt, toAddress, toNumber, type Subnet } from './cidr.ts';
import type { AddressPool } from './networks.ts';

/** An address range that is in use on this host, and by whom: `network web`, `a route of this host by eth0`. */
export interface Holder {
  readonly subnet: string;
  readonly name: string;
}

/** A range from which networks that ask for none get subnets of prefix length `size`: dockerd's `--default-address-pool`. */
export interface AddressRange {
  readonly base: string;
  readonly size: number;
}

/** Docker's own: 172.18–31.0.0/16, then 192.168.0.0/16 in /20. The first of them, 172.17, is the default bridge's. */
export const defaultRanges: readonly AddressRange[] = [
  { base: '172.18.0.0/15', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/13', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

/** The first subnet of the ranges of that family that overlaps with nobody's. */
export function choosePool(family: 4 | 6, ranges: readonly AddressRange[], holders: readonly Holder[]): string {
  const taken = holders
    .map((holder) => ({ holder, subnet: parseSubnet(holder.subnet) }))
    .filter(({ subnet }) => subnet.prefix > 0 && subnet.family === family)
    .toSorted((a, b) => (a.subnet.base < b.subnet.base ? -1 : 1));
  const inTheWay = new Set<Holder>();
  for (const { base, size } of ranges) {
    const range = parseSubnet(base);
    if (range.family !== family) continue;
    let candidate = subnetAt(range.base, family, Math.max(size, range.prefix));
    while (candidate.base < range.base + range.size) {
      const current = candidate;
      const hit = taken.find(({ subnet }) => overlaps(subnet, current));
      if (!hit) return formatSubnet(candidate);
      inTheWay.add(hit.holder);
      // Past whoever is in the way, up to the next boundary.
      const after = hit.subnet.base + hit.subnet.size;
      const next = candidate.base + candidate.size;
      candidate = subnetAt(after > next ? after + candidate.size - 1n : next, family, candidate.prefix);
    }
  }
  throw exhaustedRanges(family, ranges, [...inTheWay]);
}

function exhaustedRanges(family: 4 | 6, ranges: readonly AddressRange[], holders: readonly Holder[]): KindError {
  const own = ranges.filter(({ base }) => parseSubnet(base).family === family).map(({ base, size }) => `${base} in /${size}`);
  const named = holders.slice(0, 20).map(({ subnet, name }) => `${subnet} by ${name}`);
  const more = holders.length > named.length ? ` and ${holders.length - named.length} more` : '';
  return new KindError(
    'invalid',
    `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network: ` +
      `all predefined address pools have been fully subnetted (${own.join(', ') || 'none is configured'}), taken are ${named.join(', ') || 'none'}${more}; ` +
      `remove networks (docker network prune), name a subnet (--subnet) or start davit with another --default-address-pool`,
  );
}

/** Refuses a wanted subnet that overlaps with something, naming it. */
export function checkPool(cidr: string, holders: readonly Holder[]): string {
  const wanted = parseSubnet(cidr);
  const holder = holders.find(({ subnet }) => parseSubnet(subnet).prefix > 0 && overlaps(wanted, parseSubnet(subnet)));
  if (holder)
    throw new KindError(
      'forbidden',
      `invalid pool request: Pool overlaps with other one on this address space: ${formatSubnet(wanted)} overlaps with ${holder.subnet} of ${holder.name}`,
    );
  return formatSubnet(wanted);
}

/** The lowest address of the pools that is free. `avoid` (recently used ones) is taken only when nothing else is left. */
export function nextAddress(pools: readonly AddressPool[], taken: ReadonlySet<string>, avoid: ReadonlySet<string> = new Set()): string {
  const free = (isTaken: (address: string) => boolean): string | undefined => {
    for (const pool of pools) {
      const found = scan(pool, isTaken);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return free((address) => taken.has(address) || avoid.has(address)) ?? free((address) => taken.has(address)) ?? exhausted(pools);
}

/** Checks an address that somebody asks for. */
export function claimAddress(pools: readonly AddressPool[], wanted: string, taken: ReadonlySet<string>): string {
  const address = normalAddress(wanted);
  const pool = pools.find(({ subnet }) => contains(parseSubnet(subnet), address));
  if (!pool) throw new KindError('invalid', `no configured subnet contains IP address ${wanted}`);
  if (reserved(pool).has(address) || taken.has(address)) throw new KindError('forbidden', 'Address already in use');
  return address;
}

export function firstAddress(cidr: string): string {
  const { base, family } = parseSubnet(cidr);
  return toAddress(base + 1n, family);
}

/** `10.0.0.9` of 10.0.0.0/24 → `10.0.0.9/24` */
export function withPrefix(pools: readonly AddressPool[], address: string): string {
  const pool = pools.map(({ subnet }) => parseSubnet(subnet)).find((subnet) => contains(subnet, address));
  return `${address}/${pool?.prefix ?? 32}`;
}

function scan(pool: AddressPool, isTaken: (address: string) => boolean): string | undefined {
  const subnet = parseSubnet(pool.subnet);
  const range = pool.ipRange ? parseSubnet(pool.ipRange) : subnet;
  const kept = reserved(pool);
  const edges = edgesOf(subnet);
  for (let number = range.base; number < range.base + range.size; number++) {
    if (edges.includes(number)) continue;
    const address = toAddress(number, subnet.family);
    if (!kept.has(address) && !isTaken(address)) return address;
  }
  return undefined;
}

/** Network and broadcast address; of IPv6 the anycast address of routers. Nets of one or two addresses have none. */
function edgesOf({ base, size, family }: Subnet): readonly bigint[] {
  if (size <= 2n) return [];
  return family === 4 ? [base, base + size - 1n] : [base];
}

function reserved({ gateway, auxiliary = {} }: AddressPool): ReadonlySet<string> {
  return new Set([...(gateway ? [gateway] : []), ...Object.values(auxiliary)]);
}

function exhausted(pools: readonly AddressPool[]): never {
  const family = parseSubnet(pools[0]?.subnet ?? '0.0.0.0/0').family;
  const subnets = pools.map(({ subnet }) => subnet).join(', ');
  throw new KindError('unavailable', `no available IPv${family} addresses on this network's address pools: ${subnets}`);
}

/** Whether an address lies within fe80::/10, which the kernel gives out by itself. */
export function isLinkLocal(address: string): boolean {
  return address.includes(':') && toNumber(address) >> 118n === 0x3fan;
}
