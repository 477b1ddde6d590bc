import type { AddressPool, Endpoint, Network } from '../../engine/network/networks.ts';

/** The none network's driver is called `null` on the wire. */
const driverNames = { bridge: 'bridge', host: 'host', none: 'null', macvlan: 'macvlan' } as const;

/** A row of `GET /networks`. */
export function networkSummary(network: Network) {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt.toISOString(),
    Scope: 'local',
    Driver: driverNames[network.driver],
    EnableIPv4: network.enableIpv4,
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: network.pools.map(ipamConfig),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: network.options,
    Labels: network.labels,
  };
}

function ipamConfig({ subnet, ipRange, gateway, auxiliary }: AddressPool) {
  return {
    Subnet: subnet,
    ...(ipRange && { IPRange: ipRange }),
    ...(gateway && { Gateway: gateway }),
    ...(auxiliary && { AuxiliaryAddresses: auxiliary }),
  };
}

export function networkInspect(network: Network) {
  const attached = network.endpoints.filter(
    (endpoint) => endpoint.ipv4 !== undefined || endpoint.ipv6 !== undefined || network.pools.length === 0,
  );
  return { ...networkSummary(network), Containers: Object.fromEntries(attached.map((endpoint) => [endpoint.ownerId, resource(endpoint)])) };
}

function resource(endpoint: Endpoint) {
  return {
    Name: endpoint.ownerName,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac ?? '',
    IPv4Address: endpoint.ipv4 ?? '',
    IPv6Address: endpoint.ipv6 ?? '',
  };
}
