import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';

/** What the cluster's zone holds, by lower-case name without trailing dot. https://github.com/kubernetes/dns/blob/master/docs/specification.md */
export interface Zone {
  readonly domain: string;
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly services: ReadonlyMap<string, readonly Srv[]>;
  readonly names: ReadonlyMap<string, string>;
  readonly aliases: ReadonlyMap<string, string>;
  /** Every name that exists, empty non-terminals included: these get NODATA instead of NXDOMAIN. */
  readonly known: ReadonlySet<string>;
}

export interface Srv {
  readonly port: number;
  readonly target: string;
}

/** `dnsAddress`: where this server answers. */
export function buildZone(services: readonly Service[], slices: readonly EndpointSlice[], domain: string, dnsAddress: string): Zone {
  const addresses = new Map<string, string[]>();
  const srv = new Map<string, Srv[]>();
  const names = new Map<string, string>();
  const aliases = new Map<string, string>();
  const push = <T>(map: Map<string, T[]>, key: string, value: T): void => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };
  const byService = Map.groupBy(slices, (slice) => `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`);
  for (const service of services) {
    const name = `${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`;
    const ip = service.spec?.clusterIP;
    if (service.spec?.type === 'ExternalName') {
      aliases.set(name, service.spec.externalName ?? '');
      continue;
    }
    if (ip !== undefined && ip !== '' && ip !== 'None') {
      push(addresses, name, ip);
      names.set(reverseName(ip), name);
      for (const port of service.spec?.ports ?? []) {
        push(srv, name, { port: port.port, target: name });
        if (port.name) push(srv, `_${port.name}._${(port.protocol ?? 'TCP').toLowerCase()}.${name}`, { port: port.port, target: name });
      }
      continue;
    }
    const own = byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
    for (const record of headlessRecords(name, own, service.spec?.publishNotReadyAddresses === true)) {
      push(addresses, name, record.ip);
      push(addresses, record.host, record.ip);
      names.set(reverseName(record.ip), record.host);
      for (const port of record.ports) push(srv, name, { port: port.port, target: record.host });
      for (const port of record.ports) push(srv, `${port.name}.${name}`, { port: port.port, target: record.host });
    }
  }
  addresses.set(`ns.dns.${domain}`, [dnsAddress]);
  const known = new Set([...addresses.keys(), ...srv.keys(), ...names.keys(), ...aliases.keys()].flatMap(parents));
  return { domain, addresses, services: srv, names, aliases, known };
}

interface HeadlessRecord {
  readonly ip: string;
  /** `db-0.db.default.svc.cluster.local`; the address with dashes where the pod has no hostname. */
  readonly host: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

function headlessRecords(name: string, slices: readonly EndpointSlice[], withUnready: boolean): readonly HeadlessRecord[] {
  return slices.flatMap((slice) => {
    const ports = (slice.ports ?? []).flatMap((port) =>
      port.name && port.port !== undefined ? [{ name: `_${port.name}._${(port.protocol ?? 'TCP').toLowerCase()}`, port: port.port }] : [],
    );
    return slice.endpoints
      .filter((endpoint) => withUnready || endpoint.conditions?.ready !== false)
      .flatMap((endpoint) =>
        endpoint.addresses.map((ip) => ({ ip, host: `${endpoint.hostname ?? ip.replaceAll('.', '-')}.${name}`, ports })),
      );
  });
}

/** `10.96.0.1` → `1.0.96.10.in-addr.arpa`. */
export function reverseName(ip: string): string {
  return `${ip.split('.').toReversed().join('.')}.in-addr.arpa`;
}

/** A name and everything above it. */
function parents(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
