import type { Endpoint, Network } from '../../engine/network/networks.ts';

/** The none network's driver is called `null` on the wire. */
const driverNames = { bridge: 'bridge', host: 'host', none: 'null' } as const;

/** A row of `GET /networks`. */
export function networkSummary(network: Network) {
  const { subnet, gateway, ipRange } = network;
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt.toISOString(),
    Scope: 'local',
    Driver: driverNames[network.driver],
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: subnet ? [{ Subnet: subnet, ...(ipRange ? { IPRange: ipRange } : {}), ...(gateway ? { Gateway: gateway } : {}) }] : [],
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

export function networkInspect(network: Network) {
  const attached = network.endpoints.filter((endpoint) => endpoint.ipv4 !== undefined || network.driver !== 'bridge');
  return { ...networkSummary(network), Containers: Object.fromEntries(attached.map((endpoint) => [endpoint.ownerId, resource(endpoint)])) };
}

function resource(endpoint: Endpoint) {
  return {
    Name: endpoint.ownerName,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac ?? '',
    IPv4Address: endpoint.ipv4 ?? '',
    IPv6Address: '',
  };
}
