import type { NetworkRecord } from './network-record.ts';
import type { Endpoint, PublishedBinding } from './networks.ts';

/** A container or sandbox with a network namespace. */
export interface Owner {
  readonly id: string;
  readonly name: string;
  readonly netnsPath: string;
  /** Its namespace was just made: there are no links but those that davit puts there. */
  readonly isNew?: true;
}

/** One owner that is up: its endpoints in the order of its interfaces, and its published ports. */
export interface LiveOwner {
  readonly owner: Owner;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PublishedBinding[];
}

export type KnownNetworks = Pick<ReadonlyMap<string, NetworkRecord>, 'get'>;

/**
 * The endpoint whose network gives the default route, by dockerd's order: gateway priority, then the network's name.
 * Internal networks lead nowhere.
 */
export function gatewayEndpoint(endpoints: readonly Endpoint[], networks: KnownNetworks): Endpoint | undefined {
  return byGatewayOrder(endpoints, networks)[0];
}

/** The endpoint that published ports lead to: the first by gateway order that hangs on a bridge. */
export function publishedEndpoint(endpoints: readonly Endpoint[], networks: KnownNetworks): Endpoint | undefined {
  return byGatewayOrder(endpoints, networks).find(({ networkId }) => networks.get(networkId)?.driver === 'bridge');
}

function byGatewayOrder(endpoints: readonly Endpoint[], networks: KnownNetworks): readonly Endpoint[] {
  const priority = ({ spec }: Endpoint): number => spec.gatewayPriority ?? 0;
  return endpoints
    .filter(({ networkId }) => networks.get(networkId)?.internal === false)
    .toSorted((a, b) => priority(b) - priority(a) || (a.networkName < b.networkName ? -1 : 1));
}
