import { shortId } from '../../base/ids.ts';
import { addressOf, parseSubnet, contains, toAddress } from './cidr.ts';
import type { LiveOwner } from './live-owner.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Endpoint } from './networks.ts';

/** `unknown`: no name of ours, ask further. `absent`: ours to say that there is none. */
export type NameAnswer =
  | { readonly kind: 'addresses'; readonly ipv4: readonly string[]; readonly ipv6: readonly string[] }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' };

interface NetworkNames {
  readonly byName: ReadonlyMap<string, readonly Endpoint[]>;
  readonly byAddress: ReadonlyMap<string, Endpoint>;
}

/**
 * Who is called what: per network the container names, aliases and IDs, each also as `name.network`. Made once per change
 * of who is attached, asked in constant time. The default bridge has no names.
 */
export class DnsNames {
  readonly #networks = new Map<string, NetworkNames>();
  readonly #everyName = new Set<string>();
  readonly #subnets: readonly ReturnType<typeof parseSubnet>[];

  constructor(networks: ReadonlyMap<string, NetworkRecord>, live: Iterable<LiveOwner>) {
    const named = [...networks.values()].filter(({ predefined }) => !predefined);
    this.#subnets = [...networks.values()].flatMap(({ pools }) => pools.map(({ subnet }) => parseSubnet(subnet)));
    const endpoints = Map.groupBy(
      [...live].flatMap((each) => each.endpoints),
      ({ networkId }) => networkId,
    );
    for (const { id } of named) this.#networks.set(id, this.#namesOf(endpoints.get(id) ?? []));
  }

  /** What the owner of these endpoints gets to know. `turn` picks who comes first when several bear the name. */
  lookup(question: { readonly type: string; readonly name: string }, client: readonly Endpoint[], turn: number): NameAnswer {
    const wanted = question.name.toLowerCase().replace(/\.$/, '');
    const shared = client.flatMap(({ networkId }) => this.#networks.get(networkId) ?? []);
    if (question.type === 'PTR') return this.#lookupAddress(wanted, shared);
    const linked = client.flatMap(({ spec }) => spec.links ?? []).find((link) => link.split(':')[1]?.toLowerCase() === wanted);
    const name = linked?.split(':')[0]?.toLowerCase() ?? wanted;
    const found = [...new Set(shared.flatMap(({ byName }) => byName.get(name) ?? []))];
    if (found.length > 0) return { kind: 'addresses', ipv4: rotated(found, 'ipv4', turn), ipv6: rotated(found, 'ipv6', turn) };
    // A plain name that somebody bears elsewhere on this engine is nobody else's business.
    return !name.includes('.') && this.#everyName.has(name) ? { kind: 'absent' } : { kind: 'unknown' };
  }

  #lookupAddress(wanted: string, shared: readonly NetworkNames[]): NameAnswer {
    const address = addressOfPointer(wanted);
    if (address === undefined) return { kind: 'unknown' };
    const found = shared.map(({ byAddress }) => byAddress.get(address)).find((endpoint) => endpoint !== undefined);
    if (found) return { kind: 'name', name: `${found.ownerName}.${found.networkName}` };
    return this.#subnets.some((subnet) => contains(subnet, address)) ? { kind: 'absent' } : { kind: 'unknown' };
  }

  #namesOf(endpoints: readonly Endpoint[]): NetworkNames {
    const byName = new Map<string, Endpoint[]>();
    const byAddress = new Map<string, Endpoint>();
    for (const endpoint of endpoints) {
      const { ownerName, ownerId, aliases, networkName } = endpoint;
      const own = new Set([ownerName, shortId(ownerId), ownerId, ...aliases].map((name) => name.toLowerCase()));
      for (const name of own) {
        this.#everyName.add(name);
        for (const each of [name, `${name}.${networkName.toLowerCase()}`]) byName.set(each, [...(byName.get(each) ?? []), endpoint]);
      }
      for (const cidr of [endpoint.ipv4, endpoint.ipv6]) if (cidr) byAddress.set(addressOf(cidr), endpoint);
    }
    return { byName, byAddress };
  }
}

function rotated(endpoints: readonly Endpoint[], family: 'ipv4' | 'ipv6', turn: number): readonly string[] {
  const all = endpoints.flatMap((endpoint) => (endpoint[family] ? [addressOf(endpoint[family])] : []));
  const first = all.length === 0 ? 0 : turn % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** `3.0.19.172.in-addr.arpa` → 172.19.0.3; 32 nibbles of `ip6.arpa` → an IPv6 address. */
function addressOfPointer(name: string): string | undefined {
  const ipv4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (ipv4) return ipv4.slice(1).toReversed().join('.');
  const nibbles = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  if (nibbles === undefined) return undefined;
  return toAddress(BigInt(`0x${nibbles.split('.').toReversed().join('')}`), 6);
}
