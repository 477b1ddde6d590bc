import { createHash } from 'node:crypto';
import type { LinkOperation } from '../../kernel/links.ts';
import { bridgeOptions, mtuOf } from './bridge-options.ts';
import { parseSubnet, toNumber } from './cidr.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Endpoint } from './networks.ts';

export interface AttachPlan {
  readonly host: readonly LinkOperation[];
  readonly inside: readonly LinkOperation[];
}

export function hostInterface(endpointId: string): string {
  return `veth${endpointId.slice(0, 7)}`;
}

export function interfaceOf(endpoint: Endpoint): string {
  return endpoint.interfaceName ?? 'eth0';
}

/** One endpoint as link operations on the host and in its namespace; made anew it is the same to the container. `isGateway`: the way out goes there. */
export function planAttach(network: NetworkRecord, endpoint: Endpoint, netnsPath: string, isGateway: boolean): AttachPlan {
  const name = interfaceOf(endpoint);
  const addresses = [endpoint.ipv4, endpoint.ipv6].filter((cidr) => cidr !== undefined);
  return {
    host: network.driver === 'macvlan' ? planMacvlan(network, endpoint, netnsPath) : planVeth(network, endpoint, netnsPath),
    inside: [
      ...addresses.map((cidr) => ({ do: 'addAddress' as const, name, cidr })),
      { do: 'setUp', name },
      ...(isGateway ? defaultRoutes(endpoint, 'addRoute') : []),
    ],
  };
}

/** The default routes by way of an endpoint, added or deleted. */
export function defaultRoutes(endpoint: Endpoint, verb: 'addRoute' | 'deleteRoute'): readonly LinkOperation[] {
  const gateways = [endpoint.gateway, endpoint.gateway6].filter((gateway) => gateway !== undefined);
  return gateways.map((via) => ({ do: verb, to: 'default', via }));
}

/** The bridge itself, and its addresses. */
export function planBridge(network: NetworkRecord): readonly LinkOperation[] {
  const { bridgeName: name, options } = network;
  if (name === undefined) return [];
  const mtu = bridgeOptions(options).mtu;
  return [
    { do: 'addBridge', name, mac: macFor(gatewayAddresses(network)[0]?.split('/')[0], network.id), ...(mtu !== undefined && { mtu }) },
    ...gatewayAddresses(network).map((cidr) => ({ do: 'addAddress' as const, name, cidr })),
    { do: 'setUp', name },
  ];
}

/** `172.17.0.1/16` of each of its subnets. */
export function gatewayAddresses({ pools }: NetworkRecord): readonly string[] {
  return pools.flatMap(({ gateway, subnet }) => (gateway ? [`${gateway}/${parseSubnet(subnet).prefix}`] : []));
}

/** 172.17.0.2 → 02:42:ac:11:00:02, as Docker does; without IPv4 address made of `seed`. */
export function macFor(address: string | undefined, seed: string): string {
  const isIpv4 = address !== undefined && !address.includes(':');
  const hex = isIpv4 ? toNumber(address).toString(16).padStart(8, '0') : createHash('sha256').update(seed).digest('hex').slice(0, 8);
  return `02:42:${hex.match(/../g)?.join(':')}`;
}

function planVeth(network: NetworkRecord, endpoint: Endpoint, netnsPath: string): readonly LinkOperation[] {
  const name = hostInterface(endpoint.id);
  const mtu = mtuOf(network.options);
  return [
    {
      do: 'addVeth',
      name,
      peer: interfaceOf(endpoint),
      peerNamespace: netnsPath,
      ...(endpoint.mac && { peerMac: endpoint.mac }),
      ...(mtu !== undefined && { mtu }),
    },
    { do: 'setMaster', name, master: network.bridgeName ?? '', hairpin: true },
    { do: 'setUp', name },
  ];
}

function planMacvlan({ options }: NetworkRecord, endpoint: Endpoint, netnsPath: string): readonly LinkOperation[] {
  const mtu = mtuOf(options);
  return [
    {
      do: 'addMacvlan',
      name: interfaceOf(endpoint),
      parent: options['parent'] ?? '',
      mode: (options['macvlan_mode'] ?? 'bridge') as 'bridge',
      namespace: netnsPath,
      ...(endpoint.mac && { mac: endpoint.mac }),
      ...(mtu !== undefined && { mtu }),
    },
  ];
}
