import type { Endpoint, EndpointSlice, Service, ServicePort as SpecPort } from '../../api/kubernetes/types.generated.ts';

export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** Where the proxy runs: decides what is local and which zone's endpoints are preferred. */
export interface Location {
  readonly nodeName: string;
  /** Label topology.kubernetes.io/zone of the node. */
  readonly zone: string | undefined;
}

/** What one port of a Service is sent to, from anywhere in the cluster or only on this node. */
export interface Reach {
  readonly cluster: readonly Backend[];
  readonly local: readonly Backend[];
}

interface Candidate extends Backend {
  readonly endpoint: Endpoint;
}

/** As kube-proxy chooses: ready ones; when there is none, those that still serve while terminating; the hints narrow what is ready in the cluster. */
export function reachOf(service: Service, port: SpecPort, slices: readonly EndpointSlice[], where: Location): Reach {
  const candidates = candidatesOf(port, slices);
  const always = service.spec?.publishNotReadyAddresses === true;
  const isReady = ({ endpoint: { conditions } }: Candidate): boolean =>
    conditions?.ready !== false || (always && conditions.terminating !== true);
  const isServing = ({ endpoint: { conditions } }: Candidate): boolean => conditions?.serving !== false && conditions?.terminating === true;
  const isLocal = ({ endpoint }: Candidate): boolean => endpoint.nodeName === where.nodeName;
  const usable = (from: readonly Candidate[]): readonly Candidate[] => {
    const ready = from.filter(isReady);
    return ready.length > 0 ? ready : from.filter(isServing);
  };
  const ready = candidates.filter(isReady);
  const cluster = ready.length > 0 ? near(ready, where) : usable(candidates);
  return { cluster: plain(cluster), local: plain(usable(candidates.filter(isLocal))) };
}

/** Ready endpoints on the node: what a health check of `externalTrafficPolicy: Local` counts. */
export function localReady(slices: readonly EndpointSlice[], nodeName: string): number {
  const ready = slices.flatMap((slice) => slice.endpoints).filter((one) => one.nodeName === nodeName && one.conditions?.ready !== false);
  return new Set(ready.flatMap((one) => one.addresses)).size;
}

/** Hints count only when every endpoint has them and one is meant for us; otherwise everybody gets everything. */
function near(ready: readonly Candidate[], where: Location): readonly Candidate[] {
  const forNode = ready.filter(({ endpoint }) => endpoint.hints?.forNodes?.some(({ name }) => name === where.nodeName));
  if (ready.every(({ endpoint }) => endpoint.hints?.forNodes?.length) && forNode.length > 0) return forNode;
  const forZone = ready.filter(({ endpoint }) => endpoint.hints?.forZones?.some(({ name }) => name === where.zone));
  return ready.every(({ endpoint }) => endpoint.hints?.forZones?.length) && forZone.length > 0 ? forZone : ready;
}

function candidatesOf(port: SpecPort, slices: readonly EndpointSlice[]): readonly Candidate[] {
  return slices.flatMap((slice) => {
    const target = slice.ports?.find(
      (one) => (one.name ?? '') === (port.name ?? '') && (one.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    );
    const number = target?.port;
    if (slice.addressType !== 'IPv4' || number === undefined) return [];
    return slice.endpoints.flatMap((endpoint) => {
      const ip = endpoint.addresses[0];
      return ip === undefined ? [] : [{ ip, port: number, endpoint }];
    });
  });
}

function plain(candidates: readonly Candidate[]): readonly Backend[] {
  const found = new Map(candidates.map(({ ip, port }) => [`${ip}:${port}`, { ip, port }]));
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, backend]) => backend);
}
