import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Link } from '../../kernel/links.ts';
import { checkPool, choosePool, firstAddress, isLinkLocal, type AddressRange, type Holder } from './address-plan.ts';
import { bridgeOptions, mtuOf } from './bridge-options.ts';
import { contains, familyOf, isSubnet, normalAddress, overlaps, parseSubnet } from './cidr.ts';
import type { NetworkRecord } from './network-record.ts';
import type { AddressPool, NetworkSpec } from './networks.ts';

export interface NetworkWorld {
  readonly holders: readonly Holder[];
  readonly ranges: readonly AddressRange[];
  /** This host's links, and the bridges of other networks. */
  readonly links: readonly Pick<Link, 'name' | 'kind'>[];
  readonly bridges: readonly string[];
}

/** What a wish becomes: subnets, gateways and bridge are chosen here. */
export function planNetwork(spec: NetworkSpec, world: NetworkWorld): NetworkRecord {
  const id = newId();
  const options = spec.options ?? {};
  const pools = planPools(spec, world);
  return {
    id,
    name: spec.name,
    driver: spec.driver,
    pools,
    enableIpv4: spec.enableIpv4 ?? true,
    enableIpv6: spec.enableIpv6 ?? false,
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    labels: spec.labels ?? {},
    options,
    createdAt: new Date(),
    ingress: spec.ingress ?? 'published',
    predefined: false,
    bridgeName: spec.driver === 'bridge' ? planBridge(id, spec, world) : undefined,
    ...(spec.driver === 'macvlan' && { options: planMacvlan(spec, world) }),
  };
}

function planBridge(id: string, spec: NetworkSpec, { bridges, links }: NetworkWorld): string {
  const name = bridgeOptions(spec.options ?? {}).name ?? `br-${id.slice(0, 12)}`;
  if (name.length > 15 || /[\s/]/.test(name) || name === '')
    throw new KindError('invalid', `invalid bridge name "${name}": want 1 to 15 characters without spaces and slashes`);
  if (bridges.includes(name))
    throw new KindError('forbidden', `cannot create network ${spec.name}: bridge ${name} belongs to another network`);
  const there = links.find((link) => link.name === name);
  if (there && there.kind !== 'bridge')
    throw new KindError(
      'forbidden',
      `cannot create network ${spec.name}: ${name} is a ${there.kind} link of this host, not a bridge; choose another name`,
    );
  return name;
}

const macvlanModes = ['bridge', 'private', 'vepa', 'passthru'];

/** The options with their defaults spelled out, as `docker network inspect` shows them. */
function planMacvlan({ name, options = {}, internal }: NetworkSpec, { links }: NetworkWorld): Readonly<Record<string, string>> {
  mtuOf(options);
  const parent = options['parent'];
  if (!parent || internal)
    throw new KindError(
      'invalid',
      `macvlan network ${name} needs a parent link that leads outwards (-o parent=eth0): ` +
        `${internal ? 'an internal one' : 'one without'} would hang on a dummy link, which davit does not make; use an internal bridge network`,
    );
  if (!links.some((link) => link.name === parent))
    throw new KindError(
      'invalid',
      `macvlan network ${name}: this host has no link ${parent}: it has ${links.map((link) => link.name).join(', ')} (davit makes no VLAN links)`,
    );
  const mode = options['macvlan_mode'] || 'bridge';
  if (!macvlanModes.includes(mode))
    throw new KindError('invalid', `requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`);
  return { ...options, macvlan_mode: mode };
}

type AskedPool = NonNullable<NetworkSpec['pools']>[number];

function planPools(spec: NetworkSpec, { holders, ranges }: NetworkWorld): readonly AddressPool[] {
  if (spec.driver !== 'bridge' && spec.driver !== 'macvlan') return [];
  const asked = spec.pools ?? [];
  const bad = asked.find(({ subnet }) => subnet !== undefined && !isSubnet(subnet));
  if (bad) throw new KindError('invalid', `invalid network config:\ninvalid subnet ${bad.subnet}: invalid CIDR block notation`);
  const [ipv4, ipv6] = [spec.enableIpv4 ?? true, spec.enableIpv6 ?? false];
  if (!ipv4 && !ipv6) throw new KindError('invalid', 'IPv4 or IPv6 must be enabled for a network');
  for (const [enabled, family] of [
    [ipv4, 4],
    [ipv6, 6],
  ] as const) {
    const wrong = asked.find((pool) => !enabled && pool.subnet !== undefined && parseSubnet(pool.subnet).family === family);
    if (wrong)
      throw new KindError(
        'invalid',
        `invalid network config:\nsubnet ${wrong.subnet} is given but IPv${family} is not enabled for this network`,
      );
  }
  const planned: AddressPool[] = [];
  const taken = (): readonly Holder[] => [...holders, ...planned.map(({ subnet }) => ({ subnet, name: `this network itself` }))];
  const plan = (pool: AskedPool, family: 4 | 6): void => {
    // On macvlan the parent's own network is meant: only other networks of davit may be in the way.
    const relevant = spec.driver === 'macvlan' ? taken().filter(({ name }) => !name.startsWith('a route')) : taken();
    const subnet = pool.subnet ? checkPool(pool.subnet, relevant) : choosePool(family, ranges, taken());
    planned.push(planPool({ ...pool, subnet }));
  };
  for (const family of [4, 6] as const) {
    if (!(family === 4 ? ipv4 : ipv6)) continue;
    const own = asked.filter((pool) => askedFamily(pool) === family);
    for (const pool of own.length > 0 ? own : [{}]) plan(pool, family);
  }
  return planned;
}

/** Without subnet, whatever else is given tells. */
function askedFamily({ subnet, gateway, ipRange }: AskedPool): 4 | 6 {
  return familyOf(subnet ?? gateway ?? ipRange ?? '');
}

/** A unique local /48 of this machine's own (RFC 4193), in /64: where IPv6 networks that name no subnet get theirs, unless a range is configured. */
export function withRange6(ranges: readonly AddressRange[], hostName: string): readonly AddressRange[] {
  if (ranges.some(({ base }) => base.includes(':'))) return ranges;
  const [a, b, c] = createHash('sha256').update(`davit ${hostName}`).digest('hex').match(/.{4}/g) ?? [];
  return [...ranges, { base: `fd${a?.slice(2)}:${b}:${c}::/48`, size: 64 }];
}

function planPool(pool: AskedPool & { readonly subnet: string }): AddressPool {
  const { ipRange, auxiliary = {} } = pool;
  const subnet = parseSubnet(pool.subnet);
  const inside = (address: string, what: string): string => {
    if (isIP(address) === 0) throw new KindError('invalid', `invalid ${what} "${address}": want an IP address`);
    if (!contains(subnet, address)) throw new KindError('invalid', `no matching subnet for ${what} ${address}`);
    return normalAddress(address);
  };
  if (subnet.family === 6 && isLinkLocal(pool.subnet.split('/')[0] ?? ''))
    throw new KindError('invalid', `invalid subnet ${pool.subnet}: link-local addresses belong to the kernel`);
  if (ipRange !== undefined && !(overlaps(parseSubnet(ipRange), subnet) && parseSubnet(ipRange).prefix >= subnet.prefix))
    throw new KindError('invalid', `invalid network config:\nno matching subnet for range ${ipRange}`);
  return {
    subnet: pool.subnet,
    gateway: pool.gateway ? inside(pool.gateway, 'gateway') : firstAddress(pool.subnet),
    ...(ipRange && { ipRange }),
    ...(Object.keys(auxiliary).length > 0 && {
      auxiliary: Object.fromEntries(Object.entries(auxiliary).map(([name, address]) => [name, inside(address, 'auxiliary address')])),
    }),
  };
}
