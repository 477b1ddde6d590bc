import type {
  EndpointSlice,
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  Secret,
  Service,
} from '../../api/kubernetes/types.generated.ts';
import { ingressController, isDefaultClass, legacyClassAnnotation } from '../../api/kubernetes/ingress-class.ts';
import type { Certificate, Path, Routes, Target } from './routes.ts';

export interface IngressWorld {
  readonly classes: readonly IngressClass[];
  readonly ingresses: readonly Ingress[];
  readonly service: (namespace: string, name: string) => Service | undefined;
  readonly slices: (namespace: string, service: string) => readonly EndpointSlice[];
  readonly secret: (namespace: string, name: string) => Secret | undefined;
}

/** Pure. Of two that claim the same host and path, the older has it. */
export function buildRoutes(world: IngressWorld): Routes {
  const own = world.ingresses.filter((ingress) => isOurs(ingress, world.classes)).toSorted((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1));
  const hosts = new Map<string, Path[]>();
  for (const { metadata, spec } of own) {
    for (const { host = '', http } of spec?.rules ?? []) {
      const name = host.toLowerCase();
      const paths = hosts.get(name) ?? [];
      hosts.set(name, paths);
      for (const path of http?.paths ?? []) addPath(paths, path, world, metadata.namespace ?? '');
    }
  }
  const [first] = own.filter(({ spec }) => spec?.defaultBackend);
  const fallback = first?.spec?.defaultBackend && targetOf(first.spec.defaultBackend, first.metadata.namespace ?? '', world);
  return { hosts, fallback, certificates: own.flatMap((ingress) => certificatesOf(ingress, world)) };
}

export function isOurs({ metadata, spec }: Ingress, classes: readonly IngressClass[]): boolean {
  const name = spec?.ingressClassName ?? metadata.annotations?.[legacyClassAnnotation];
  const found = name === undefined ? classes.find(isDefaultClass) : classes.find((one) => one.metadata.name === name);
  return found?.spec?.controller === ingressController;
}

function ageKey({ metadata }: Ingress): string {
  return `${metadata.creationTimestamp} ${metadata.namespace}/${metadata.name}`;
}

function addPath(paths: Path[], { path = '/', pathType, backend }: HTTPIngressPath, world: IngressWorld, namespace: string): void {
  const match = pathType === 'Exact' ? 'exact' : 'prefix';
  if (paths.some((one) => one.path === path && one.match === match)) return;
  paths.push({ path: path || '/', match, target: targetOf(backend, namespace, world) });
}

/** Backends that are no Services have nobody behind them. */
function targetOf({ service: wanted }: IngressBackend, namespace: string, world: IngressWorld): Target {
  const { name: portName, number } = wanted?.port ?? {};
  const name = `${namespace}/${wanted?.name ?? ''}:${portName ?? number ?? ''}`;
  const service = wanted && world.service(namespace, wanted.name);
  const port = service?.spec?.ports?.find((one) => (portName === undefined ? one.port === number : one.name === portName));
  if (!wanted || !port) return { name, endpoints: [] };
  const slices = world.slices(namespace, wanted.name);
  const ready = endpointsOf(slices, port.name, (conditions) => conditions?.ready !== false);
  const serving = endpointsOf(slices, port.name, (conditions) => conditions?.serving !== false && conditions?.terminating === true);
  return { name, endpoints: ready.length > 0 ? ready : serving };
}

type Conditions = EndpointSlice['endpoints'][number]['conditions'];

function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string | undefined,
  isWanted: (conditions: Conditions) => boolean,
): Target['endpoints'] {
  return slices.flatMap((slice) => {
    const port = slice.ports?.find((one) => (one.name ?? '') === (portName ?? ''))?.port;
    if (port === undefined || slice.addressType !== 'IPv4') return [];
    return slice.endpoints
      .filter(({ conditions }) => isWanted(conditions))
      .flatMap(({ addresses }) => (addresses[0] ? [{ host: addresses[0], port }] : []));
  });
}

function certificatesOf({ metadata, spec }: Ingress, world: IngressWorld): readonly Certificate[] {
  return (spec?.tls ?? []).flatMap(({ hosts = [], secretName }) => {
    const data = secretName === undefined ? undefined : world.secret(metadata.namespace ?? '', secretName)?.data;
    const [cert, key] = [data?.['tls.crt'], data?.['tls.key']].map((text) =>
      text === undefined ? '' : Buffer.from(text, 'base64').toString(),
    );
    return cert && key ? [{ hosts: hosts.map((host) => host.toLowerCase()), cert, key }] : [];
  });
}
