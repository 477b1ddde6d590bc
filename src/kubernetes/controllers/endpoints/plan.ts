import type {
  Endpoint,
  EndpointPort,
  Endpoints,
  EndpointSlice,
  EndpointSubset,
  Pod,
  Service,
  ServicePort,
} from '../../../api/kubernetes/types.generated.ts';
import { controllerReference, isReady } from '../pod-facts.ts';

export const endpointsManagedLabel = 'endpoints.kubernetes.io/managed-by';

/** Endpoints per slice at most, as upstream. */
const sliceSize = 100;

/** The zone of a node, when it has one. */
export type ZoneOf = (nodeName: string) => string | undefined;

interface Target {
  readonly pod: Pod;
  readonly ip: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
}

/** The slices that a Service with a selector should have: one group per distinct set of resolved ports. Names are the caller's to give. */
export function sliceSpecs(
  service: Service,
  pods: readonly Pod[],
  zoneOf: ZoneOf = () => undefined,
): readonly Omit<EndpointSlice, 'metadata'>[] {
  const groups = Map.groupBy(targetsOf(service, pods), (target) => JSON.stringify(portsFor(service, target.pod)));
  const slices = [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([ports, targets]) =>
      chunks(targets, sliceSize).map((chunk) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        addressType: 'IPv4',
        ports: JSON.parse(ports) as EndpointPort[],
        endpoints: chunk.map((target) => endpointOf(service, target, zoneOf(target.pod.spec?.nodeName ?? ''))),
      })),
    );
  if (slices.length > 0) return slices;
  return [{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints: [], ports: [] }];
}

/** Labels and owner of a slice. */
export function sliceMetadata(service: Service): EndpointSlice['metadata'] {
  const { namespace, name, labels } = service.metadata;
  const headless: Readonly<Record<string, string>> = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return {
    namespace,
    generateName: `${name}-`,
    labels: {
      ...labels,
      ...headless,
      'kubernetes.io/service-name': name ?? '',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
    ownerReferences: [controllerReference({ ...service, apiVersion: 'v1', kind: 'Service' })],
  };
}

/** The legacy object of the same name: subsets of equal ports, ready and not ready apart. */
export function endpointsOf(service: Service, pods: readonly Pod[]): Endpoints {
  const targets = targetsOf(service, pods).filter((target) => !target.terminating);
  const groups = Map.groupBy(targets, (target) => JSON.stringify(portsFor(service, target.pod)));
  const subsets = [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([ports, group]): EndpointSubset => {
      const address = (target: Target): object => ({
        ip: target.ip,
        ...(hostnameOf(service, target.pod) ? { hostname: hostnameOf(service, target.pod) } : {}),
        nodeName: target.pod.spec?.nodeName,
        targetRef: referenceTo(target.pod),
      });
      const [ready, notReady] = [group.filter((target) => target.ready), group.filter((target) => !target.ready)];
      return {
        ...(ready.length > 0 ? { addresses: ready.map(address) } : {}),
        ...(notReady.length > 0 ? { notReadyAddresses: notReady.map(address) } : {}),
        ports: JSON.parse(ports),
      } as EndpointSubset;
    });
  const { namespace, name, labels } = service.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace, name, labels: { ...labels, [endpointsManagedLabel]: 'endpoint-controller' } },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

/** Pods with an address that have not finished; sorted by name so that equal worlds give equal slices. */
function targetsOf(service: Service, pods: readonly Pod[]): readonly Target[] {
  const always = service.spec?.publishNotReadyAddresses === true;
  return pods
    .filter((pod) => pod.status?.podIP && pod.status.phase !== 'Succeeded' && pod.status.phase !== 'Failed')
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    .map((pod) => {
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const serving = isReady(pod);
      return { pod, ip: pod.status?.podIP ?? '', serving, terminating, ready: always || (serving && !terminating) };
    });
}

function endpointOf(service: Service, target: Target, zone: string | undefined): Endpoint {
  const { pod, ip, ready, serving, terminating } = target;
  const hostname = hostnameOf(service, pod);
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    nodeName: pod.spec?.nodeName,
    ...(zone === undefined ? {} : { zone }),
    ...hintsFor(service, ready, pod.spec?.nodeName, zone),
    targetRef: referenceTo(pod),
  };
}

/** `spec.trafficDistribution` as hints for the proxies: an endpoint is for its own zone, and where nodes are preferred for its own node. */
function hintsFor(service: Service, ready: boolean, nodeName: string | undefined, zone: string | undefined): Pick<Endpoint, 'hints'> {
  const wanted = service.spec?.trafficDistribution;
  if (!wanted || !ready) return {};
  const hints = {
    ...(zone === undefined ? {} : { forZones: [{ name: zone }] }),
    ...(wanted === 'PreferSameNode' && nodeName !== undefined ? { forNodes: [{ name: nodeName }] } : {}),
  };
  return Object.keys(hints).length === 0 ? {} : { hints };
}

/** A pod has a name of its own below its governing headless Service. */
function hostnameOf(service: Service, pod: Pod): string | undefined {
  return pod.spec?.subdomain === service.metadata.name ? pod.spec?.hostname : undefined;
}

function referenceTo(pod: Pod): NonNullable<Endpoint['targetRef']> {
  const { namespace, name, uid } = pod.metadata;
  return { kind: 'Pod', namespace, name, uid };
}

/** Named target ports are looked up in the pod; a port that the pod does not have is left out. */
function portsFor(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const named = port.name === undefined ? {} : { name: port.name };
    return [{ ...named, port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}) }];
  });
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const wanted = port.targetPort ?? port.port;
  if (typeof wanted === 'number') return wanted;
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.find((one) => one.name === wanted && (one.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))?.containerPort;
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
