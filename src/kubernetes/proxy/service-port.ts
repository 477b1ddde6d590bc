import type { EndpointSlice, Service, ServicePort as SpecPort } from '../../api/kubernetes/types.generated.ts';
import { widestRanges } from '../../base/ip-ranges.ts';
import { reachOf, type Backend, type Location, type Reach } from './backends.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** Who is meant: everybody, or (asked first) those who come from outside this host and its pods. */
export type View = 'all' | 'outside';

/** One way in: where packets arrive and what becomes of them. All that the kernel needs to know. */
export interface Frontend {
  readonly view: View;
  readonly way: 'cluster' | 'external' | 'node';
  /** Undefined: every address of this host, that is a node port. */
  readonly address: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
  readonly backends: readonly Backend[];
  /** Whose source becomes ours: nobody's, everybody's, or of those who are no pods. */
  readonly masquerade: 'none' | 'strangers' | 'all';
  /** Without backends. */
  readonly otherwise: 'reject' | 'drop';
  /** Session affinity: seconds that a client stays with its backend after its last connection. */
  readonly affinitySeconds: number | undefined;
  /** Networks that may come in; undefined: everybody. */
  readonly sources: readonly string[] | undefined;
}

/** The ways into one Service. Headless and ExternalName Services have none. */
export function frontendsOf(service: Service, slices: readonly EndpointSlice[], where: Location): readonly Frontend[] {
  if (!isProxied(service)) return [];
  return (service.spec?.ports ?? []).flatMap((port) => portFrontends(service, port, reachOf(service, port, slices, where)));
}

export function isProxied(service: Service): boolean {
  const ip = service.spec?.clusterIP;
  return service.spec?.type !== 'ExternalName' && ip !== undefined && ip !== '' && ip !== 'None';
}

/** Addresses that a balancer gave the Service, as its status says. */
export function balancerAddresses(service: Service): readonly string[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  return (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip !== undefined && ipMode !== 'Proxy' ? [ip] : []));
}

function portFrontends(service: Service, port: SpecPort, reach: Reach): readonly Frontend[] {
  const { spec = {} } = service;
  const isLocalInside = spec.internalTrafficPolicy === 'Local';
  const common = {
    protocol: (port.protocol ?? 'TCP').toLowerCase() as Protocol,
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined,
    sources: undefined,
  };
  const inside: Frontend = {
    ...common,
    view: 'all',
    way: 'cluster',
    address: spec.clusterIP,
    port: port.port,
    backends: isLocalInside ? reach.local : reach.cluster,
    masquerade: 'strangers',
    otherwise: isLocalInside && reach.cluster.length > 0 ? 'drop' : 'reject',
  };
  const sources = spec.loadBalancerSourceRanges?.length ? widestRanges(spec.loadBalancerSourceRanges) : undefined;
  const ways: readonly Pick<Frontend, 'way' | 'address' | 'port' | 'sources'>[] = [
    ...(spec.externalIPs ?? []).map((address) => ({ way: 'external' as const, address, port: port.port, sources: undefined })),
    ...balancerAddresses(service).map((address) => ({ way: 'external' as const, address, port: port.port, sources })),
    ...(port.nodePort ? [{ way: 'node' as const, address: undefined, port: port.nodePort, sources: undefined }] : []),
  ];
  return [inside, ...ways.flatMap((way) => outsideFrontends({ ...common, ...way }, reach, spec.externalTrafficPolicy === 'Local'))];
}

/** Local keeps the client's address and the traffic on this host; pods and the host itself, who need neither, may go anywhere. */
function outsideFrontends(
  way: Pick<Frontend, 'way' | 'address' | 'port' | 'protocol' | 'affinitySeconds' | 'sources'>,
  reach: Reach,
  isLocal: boolean,
): readonly Frontend[] {
  const all: Frontend = {
    ...way,
    view: 'all',
    backends: reach.cluster,
    masquerade: isLocal ? 'strangers' : 'all',
    otherwise: 'reject',
  };
  if (!isLocal) return [all];
  const otherwise = reach.cluster.length > 0 ? 'drop' : 'reject';
  return [all, { ...all, view: 'outside', backends: reach.local, masquerade: 'none', otherwise }];
}
