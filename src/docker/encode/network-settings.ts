import type { Container } from '../../engine/containers/container.ts';
import { stateOf } from '../../engine/containers/state.ts';
import type { Endpoint } from '../../engine/network/networks.ts';
import { shortId } from '../../base/ids.ts';
import { publishedPorts } from './ports.ts';

export function isUp(container: Container): boolean {
  return ['running', 'paused'].includes(stateOf(container));
}

/** `172.17.0.2/16` → address and prefix length; both zero values while there is none. */
function splitAddress(cidr: string | undefined): { readonly ip: string; readonly prefix: number } {
  const [ip = '', prefix = '0'] = (cidr ?? '').split('/');
  return { ip, prefix: Number(prefix) };
}

export function endpointSettings(endpoint: Endpoint, container: Container) {
  const { ip, prefix } = splitAddress(endpoint.ipv4);
  const six = splitAddress(endpoint.ipv6);
  const { spec } = endpoint;
  const up = ip !== '' || six.ip !== '';
  return {
    IPAMConfig: ipamConfig(spec),
    Links: spec.links?.length ? spec.links : null,
    Aliases: spec.aliases?.length ? spec.aliases : null,
    MacAddress: up ? (endpoint.mac ?? '') : '',
    DriverOpts: spec.driverOptions ?? null,
    GwPriority: spec.gatewayPriority ?? 0,
    NetworkID: endpoint.networkId,
    EndpointID: up ? endpoint.id : '',
    Gateway: up ? (endpoint.gateway ?? '') : '',
    IPAddress: ip,
    IPPrefixLen: prefix,
    IPv6Gateway: up ? (endpoint.gateway6 ?? '') : '',
    GlobalIPv6Address: six.ip,
    GlobalIPv6PrefixLen: six.prefix,
    DNSNames: dnsNames(endpoint, container),
  };
}

function ipamConfig({ ipv4, ipv6 }: Endpoint['spec']) {
  return ipv4 || ipv6 ? { ...(ipv4 && { IPv4Address: ipv4 }), ...(ipv6 && { IPv6Address: ipv6 }) } : null;
}

/** The default bridge resolves no names. */
function dnsNames(endpoint: Endpoint, container: Container): readonly string[] | null {
  if (endpoint.networkName === 'bridge') return null;
  return [
    ...new Set([container.name, ...endpoint.aliases, shortId(container.id), ...(container.spec.hostname ? [container.spec.hostname] : [])]),
  ];
}

export function networks(container: Container): Record<string, ReturnType<typeof endpointSettings>> {
  return Object.fromEntries(container.endpoints.map((endpoint) => [endpoint.networkName, endpointSettings(endpoint, container)]));
}

export function networkSettings(container: Container, exposed: readonly string[]) {
  const all = networks(container);
  const main = all['bridge'];
  return {
    Bridge: '',
    SandboxID: isUp(container) ? container.id : '',
    SandboxKey: '',
    Ports: isUp(container) ? publishedPorts(exposed, container.ports) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.EndpointID ?? '',
    Gateway: main?.Gateway ?? '',
    GlobalIPv6Address: main?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: main?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: main?.IPAddress ?? '',
    IPPrefixLen: main?.IPPrefixLen ?? 0,
    IPv6Gateway: main?.IPv6Gateway ?? '',
    MacAddress: main?.MacAddress ?? '',
    Networks: all,
  };
}
