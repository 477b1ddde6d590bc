import { bridgeOptions } from './bridge-options.ts';
import { addressOf, familyOf } from './cidr.ts';
import type { FirewallState } from './firewall-rules.ts';
import { publishedEndpoint, type LiveOwner } from './live-owner.ts';
import { poolsOf, type NetworkRecord } from './network-record.ts';

/** What the rules of one family must be, from networks and who is attached. Pure. */
export function firewallState(family: 4 | 6, networks: ReadonlyMap<string, NetworkRecord>, live: Iterable<LiveOwner>): FirewallState {
  const bridges = [...networks.values()].flatMap((network) => {
    const subnets = poolsOf(network, family).map(({ subnet }) => subnet);
    if (!network.bridgeName || subnets.length === 0) return [];
    const { icc, masquerade } = bridgeOptions(network.options);
    return [{ name: network.bridgeName, subnets, internal: network.internal, ingress: network.ingress, icc, masquerade }];
  });
  const ports = [...live].flatMap(({ endpoints, ports: published }) => {
    if (published.length === 0) return [];
    const target = publishedEndpoint(endpoints, networks);
    const bridge = target && networks.get(target.networkId)?.bridgeName;
    const cidr = family === 4 ? target?.ipv4 : target?.ipv6;
    if (!bridge || !cidr) return [];
    const containerIp = addressOf(cidr);
    return published
      .filter(({ hostIp }) => familyOf(hostIp) === family)
      .map(({ protocol, hostIp, hostPort, containerPort }) => ({ bridge, protocol, hostIp, hostPort, containerIp, containerPort }));
  });
  return { family, bridges, ports };
}
