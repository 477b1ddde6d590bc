import { KindError } from '../../base/errors.ts';
import { contains, formatSubnet, overlaps, parseSubnet, toAddress, toNumber, type Subnet } from './cidr.ts';

/** An address range that is in use on this host, and by whom: `network web`, `host route via eth0`. */
export interface Holder {
  readonly subnet: string;
  readonly name: string;
}

/** Docker's default pools: 172.18–31.0.0/16, then 192.168.0.0/20 steps. */
const pools: readonly string[] = [
  ...Array.from({ length: 14 }, (_, index) => `172.${18 + index}.0.0/16`),
  ...Array.from({ length: 16 }, (_, index) => `192.168.${index * 16}.0/20`),
];

export function choosePool(holders: readonly Holder[]): string {
  const taken = holders.map(({ subnet }) => parseSubnet(subnet)).filter(({ prefix }) => prefix > 0);
  const free = pools.find((pool) => !taken.some((each) => overlaps(each, parseSubnet(pool))));
  if (!free)
    throw new KindError(
      'invalid',
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    );
  return free;
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

export interface AddressSpace {
  readonly subnet: string;
  readonly gateway: string;
  readonly ipRange?: string | undefined;
}

/** The lowest address that is free. `avoid` (recently used ones) is taken only when nothing else is left. */
export function nextAddress(space: AddressSpace, taken: ReadonlySet<string>, avoid: ReadonlySet<string> = new Set()): string {
  const subnet = parseSubnet(space.subnet);
  const range = space.ipRange ? parseSubnet(space.ipRange) : subnet;
  return (
    scan(subnet, range, space.gateway, (address) => taken.has(address) || avoid.has(address)) ??
    scan(subnet, range, space.gateway, (address) => taken.has(address)) ??
    exhausted(space)
  );
}

/** Checks an address that somebody asks for. */
export function claimAddress(space: AddressSpace, wanted: string, taken: ReadonlySet<string>): string {
  if (!contains(parseSubnet(space.subnet), toNumber(wanted)))
    throw new KindError('invalid', `no configured subnet contains IP address ${wanted}`);
  if (wanted === space.gateway || taken.has(wanted)) throw new KindError('forbidden', 'Address already in use');
  return wanted;
}

export function firstAddress(cidr: string): string {
  return toAddress(parseSubnet(cidr).base + 1);
}

function scan(subnet: Subnet, range: Subnet, gateway: string, isTaken: (address: string) => boolean): string | undefined {
  for (let number = range.base; number < range.base + range.size; number++) {
    if (number === subnet.base || number === subnet.base + subnet.size - 1) continue;
    const address = toAddress(number);
    if (address !== gateway && !isTaken(address)) return address;
  }
  return undefined;
}

function exhausted(space: AddressSpace): never {
  throw new KindError('unavailable', `no available IPv4 addresses on this network's address pools: ${space.subnet}`);
}
