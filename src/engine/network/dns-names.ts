import { shortId } from '../../base/ids.ts';
import { addressOf, type LiveOwner } from './fabric.ts';

export type NameAnswer = { readonly addresses: readonly string[] } | { readonly name: string } | undefined;

/** Who asks, by source address; undefined for strangers. */
export function clientOf(live: Iterable<LiveOwner>, address: string): LiveOwner | undefined {
  return [...live].find(({ endpoints }) => endpoints.some(({ ipv4 }) => ipv4 !== undefined && addressOf(ipv4) === address));
}

/**
 * Names on the networks of the client: container names, aliases, short IDs, the client's own links, each also as `name.network`.
 * Undefined: not ours, ask further. Pure.
 */
export function lookup(
  question: { readonly type: string; readonly name: string },
  client: LiveOwner,
  live: Iterable<LiveOwner>,
  isPredefined: (networkId: string) => boolean,
): NameAnswer {
  const shared = client.endpoints.filter(({ networkId }) => !isPredefined(networkId)).map(({ networkId }) => networkId);
  const endpoints = [...live].flatMap((each) => each.endpoints).filter(({ networkId }) => shared.includes(networkId));
  const wanted = question.name.toLowerCase().replace(/\.$/, '');
  if (question.type === 'PTR') {
    const address = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(wanted)?.slice(1).toReversed().join('.');
    const found = endpoints.find(({ ipv4 }) => address !== undefined && ipv4 !== undefined && addressOf(ipv4) === address);
    return found && { name: `${found.ownerName}.${found.networkName}` };
  }
  const linked = client.endpoints.flatMap(({ spec }) => spec.links ?? []).find((link) => link.split(':')[1]?.toLowerCase() === wanted);
  const name = linked?.split(':')[0]?.toLowerCase() ?? wanted;
  const matches = endpoints.filter((endpoint) => {
    const own = [endpoint.ownerName, shortId(endpoint.ownerId), endpoint.ownerId, ...endpoint.aliases].map((each) => each.toLowerCase());
    return own.includes(name) || own.some((each) => `${each}.${endpoint.networkName.toLowerCase()}` === name);
  });
  const addresses = matches.flatMap(({ ipv4 }) => (ipv4 ? [addressOf(ipv4)] : []));
  return addresses.length > 0 ? { addresses: [...new Set(addresses)] } : undefined;
}
