import type { Endpoint, EndpointSlice, Service, ServicePort as SpecPort } from '../../api/kubernetes/types.generated.ts';

/** One port of one Service with where its traffic goes: all that the kernel needs to know. */
export interface ServicePort {
  /** `<namespace>/<name>/<protocol>/<port name or number>`. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** ClusterIP and externalIPs. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly backends: readonly Backend[];
}

export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** Headless and ExternalName Services have nothing to proxy. Sorted, so that equal input renders equal text. */
export function servicePorts(services: readonly Service[], slices: readonly EndpointSlice[]): readonly ServicePort[] {
  const byService = Map.groupBy(slices, (slice) => `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`);
  return services
    .filter((service) => isProxied(service))
    .flatMap((service) => {
      const own = byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
      return (service.spec?.ports ?? []).map((port) => servicePort(service, port, own));
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function isProxied(service: Service): boolean {
  const ip = service.spec?.clusterIP;
  return service.spec?.type !== 'ExternalName' && ip !== undefined && ip !== '' && ip !== 'None';
}

function servicePort(service: Service, port: SpecPort, slices: readonly EndpointSlice[]): ServicePort {
  const { namespace, name } = service.metadata;
  const protocol = (port.protocol ?? 'TCP').toLowerCase() as ServicePort['protocol'];
  return {
    id: `${namespace}/${name}/${protocol}/${port.name ?? port.port}`,
    protocol,
    addresses: [service.spec?.clusterIP ?? '', ...(service.spec?.externalIPs ?? [])],
    port: port.port,
    nodePort: port.nodePort,
    backends: backendsOf(port, slices),
  };
}

/** Ready endpoints; when there is none, those that still serve while terminating (as kube-proxy does). */
function backendsOf(port: SpecPort, slices: readonly EndpointSlice[]): readonly Backend[] {
  const serving = (endpoint: Endpoint): boolean => endpoint.conditions?.serving !== false && endpoint.conditions?.terminating === true;
  const ready = collect(port, slices, (endpoint) => endpoint.conditions?.ready !== false);
  return ready.length > 0 ? ready : collect(port, slices, serving);
}

function collect(port: SpecPort, slices: readonly EndpointSlice[], isWanted: (endpoint: Endpoint) => boolean): readonly Backend[] {
  const found = new Map<string, Backend>();
  for (const slice of slices) {
    const target = slice.ports?.find(
      (one) => (one.name ?? '') === (port.name ?? '') && (one.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    );
    if (slice.addressType !== 'IPv4' || target?.port === undefined) continue;
    for (const endpoint of slice.endpoints.filter(isWanted)) {
      const ip = endpoint.addresses[0];
      if (ip !== undefined) found.set(`${ip}:${target.port}`, { ip, port: target.port });
    }
  }
  return [...found.values()].toSorted((a, b) => (`${a.ip}:${a.port}` < `${b.ip}:${b.port}` ? -1 : 1));
}
