import type { Link, LinkOperation, Route } from '../../kernel/links.ts';
import { formatSubnet, parseSubnet } from './cidr.ts';
import { gatewayAddresses, hostInterface, planBridge } from './link-plan.ts';
import type { LiveOwner } from './live-owner.ts';
import { poolsOf, type NetworkRecord } from './network-record.ts';
import type { Endpoint } from './networks.ts';

export interface HostRepair {
  /** What is missing or wrong, in words. */
  readonly lost: readonly string[];
  readonly operations: readonly LinkOperation[];
  /** Networks whose bridge is made anew and needs its sysctls. */
  readonly bridges: readonly NetworkRecord[];
  /** Endpoints to be plugged in again. */
  readonly endpoints: readonly { readonly live: LiveOwner; readonly endpoint: Endpoint }[];
}

export interface SeenHost {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
}

/** The difference between what the store wants of this host's links and what the kernel has. Pure; nothing to do = everything empty. */
export function planHostRepair(networks: Iterable<NetworkRecord>, live: Iterable<LiveOwner>, seen: SeenHost): HostRepair {
  const byName = new Map(seen.links.map((link) => [link.name, link]));
  const known = new Map([...networks].map((network) => [network.id, network]));
  const lost: string[] = [];
  const operations: LinkOperation[] = [];
  const bridges: NetworkRecord[] = [];
  const endpoints: { readonly live: LiveOwner; readonly endpoint: Endpoint }[] = [];
  for (const network of known.values()) {
    const found = repairBridge(network, network.bridgeName === undefined ? undefined : byName.get(network.bridgeName), seen.routes);
    lost.push(...found.lost);
    operations.push(...found.operations);
    if (found.isNew) bridges.push(network);
  }
  for (const each of live) {
    for (const endpoint of each.endpoints) {
      const network = known.get(endpoint.networkId);
      if (!network?.bridgeName) continue;
      const name = hostInterface(endpoint.id);
      const link = byName.get(name);
      const whose = `${name} of ${each.owner.name} on network ${network.name}`;
      if (!link) {
        lost.push(`link ${whose}`);
        endpoints.push({ live: each, endpoint });
        continue;
      }
      if (link.master !== network.bridgeName) {
        lost.push(`link ${whose} no longer in bridge ${network.bridgeName}`);
        operations.push({ do: 'setMaster', name, master: network.bridgeName, hairpin: true });
      }
      if (!link.isUp) {
        lost.push(`link ${whose} is down`);
        operations.push({ do: 'setUp', name });
      }
    }
  }
  return { lost, operations, bridges, endpoints };
}

function repairBridge(
  network: NetworkRecord,
  link: Link | undefined,
  routes: readonly Route[],
): { readonly lost: readonly string[]; readonly operations: readonly LinkOperation[]; readonly isNew: boolean } {
  const { bridgeName: name, name: title } = network;
  if (name === undefined) return { lost: [], operations: [], isNew: false };
  const whose = `${name} of network ${title}`;
  if (!link) return { lost: [`bridge ${whose}`], operations: planBridge(network), isNew: true };
  const lost: string[] = [];
  const operations: LinkOperation[] = [];
  if (!link.isUp) {
    lost.push(`bridge ${whose} is down`);
    operations.push({ do: 'setUp', name });
  }
  for (const cidr of gatewayAddresses(network)) {
    const subnet = formatSubnet(parseSubnet(cidr));
    if (!link.addresses.includes(cidr)) {
      lost.push(`address ${cidr} of bridge ${whose}`);
      operations.push({ do: 'addAddress', name, cidr });
    } else if (link.isUp && !routes.some((route) => route.to === subnet && route.link === name)) {
      const inTheWay = routes.filter((route) => route.to === subnet);
      lost.push(`route to ${subnet} by bridge ${whose}${inTheWay.map((route) => ` (it went by ${route.link ?? 'nothing'})`).join('')}`);
      operations.push(
        ...inTheWay.map((route) => ({
          do: 'deleteRoute' as const,
          to: subnet,
          ...(route.via && { via: route.via }),
          ...(route.link && { name: route.link }),
        })),
        { do: 'addRoute', to: subnet, name, ...(subnet.includes(':') ? {} : { from: cidr.split('/')[0] ?? '' }) },
      );
    }
  }
  return { lost, operations, isNew: false };
}

/** What the kernel must be told for bridges to carry packets, by name. */
export function bridgeSysctls(networks: Iterable<NetworkRecord>): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const network of networks) {
    const { bridgeName } = network;
    if (!bridgeName) continue;
    wanted.set('net.ipv4.ip_forward', '1');
    // Packets of 127.0.0.1 may be translated into the bridge; DAVIT-RAW drops those that come out of it.
    wanted.set(`net.ipv4.conf.${bridgeName}.route_localnet`, '1');
    if (poolsOf(network, 6).length === 0) continue;
    wanted.set(`net.ipv6.conf.${bridgeName}.disable_ipv6`, '0');
    wanted.set(`net.ipv6.conf.${bridgeName}.accept_ra`, '0');
    wanted.set('net.ipv6.conf.all.forwarding', '1');
  }
  return wanted;
}
