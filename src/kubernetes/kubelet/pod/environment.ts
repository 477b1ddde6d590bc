import type { ConfigMap, Container, EnvVar, Pod, Quantity, Secret, Service } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { expand } from './expand.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';

/** What a container's environment is made from besides its own spec. `undefined` maps: not there. */
export interface EnvironmentSources {
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>;
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  /** Services of the pod's namespace, and `default/kubernetes`. */
  readonly services: readonly Service[];
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
  readonly allocatable: Readonly<Record<string, Quantity>>;
}

/** Names of ConfigMaps and Secrets that a container's environment needs. */
export function environmentReferences(container: Container): {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
} {
  const from = container.envFrom ?? [];
  const values = (container.env ?? []).map((variable) => variable.valueFrom);
  const names = (list: readonly (string | undefined)[]): string[] => [...new Set(list.filter((name) => name !== undefined))];
  return {
    configMaps: names([...from.map((source) => source.configMapRef?.name), ...values.map((value) => value?.configMapKeyRef?.name)]),
    secrets: names([...from.map((source) => source.secretRef?.name), ...values.map((value) => value?.secretKeyRef?.name)]),
  };
}

/** Weakest first: Services, envFrom, env. Throws `invalid` (CreateContainerConfigError) for what is missing and not optional. */
export function environmentOf(pod: Pod, container: Container, sources: EnvironmentSources): ReadonlyMap<string, string> {
  const services =
    pod.spec?.enableServiceLinks === false
      ? []
      : sources.services.filter((service) => service.metadata.namespace === pod.metadata.namespace);
  const kubernetes = sources.services.filter(
    (service) => service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes',
  );
  const result = new Map<string, string>();
  for (const service of new Set([...kubernetes, ...services])) addService(result, service);
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of envFrom(source, sources)) result.set((source.prefix ?? '') + key, value);
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(pod, container, variable, sources, result);
    if (value !== undefined) result.set(variable.name, value);
  }
  return result;
}

type EnvFrom = NonNullable<Container['envFrom']>[number];

function envFrom(source: EnvFrom, sources: EnvironmentSources): ReadonlyMap<string, string> {
  if (source.configMapRef) {
    const { name = '', optional } = source.configMapRef;
    const object = sources.configMaps.get(name);
    if (!object && !optional) throw missing('configmap', name);
    return new Map(Object.entries(object?.data ?? {}));
  }
  const { name = '', optional } = source.secretRef ?? {};
  const object = sources.secrets.get(name);
  if (!object && !optional) throw missing('secret', name);
  return new Map(Object.entries(object?.data ?? {}).map(([key, value]) => [key, decode(value)]));
}

function valueOf(
  pod: Pod,
  container: Container,
  variable: EnvVar,
  sources: EnvironmentSources,
  known: ReadonlyMap<string, string>,
): string | undefined {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', known);
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const object = sources.configMaps.get(name);
    if (!object && !optional) throw missing('configmap', name);
    return required(object?.data?.[key], optional, `couldn't find key ${key} in ConfigMap ${pod.metadata.namespace}/${name}`);
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef;
    const object = sources.secrets.get(name);
    if (!object && !optional) throw missing('secret', name);
    const value = object?.data?.[key];
    return required(
      value === undefined ? undefined : decode(value),
      optional,
      `couldn't find key ${key} in Secret ${pod.metadata.namespace}/${name}`,
    );
  }
  if (from.fieldRef) return fieldOf(pod, from.fieldRef.fieldPath, sources);
  if (from.resourceFieldRef) return resourceOf(pod, container, from.resourceFieldRef, sources.allocatable);
  return undefined;
}

/** The downward API's fields: `metadata.name`, `metadata.labels['x']`, `status.podIP`, … */
export function fieldOf(pod: Pod, path: string, facts: Pick<EnvironmentSources, 'podIp' | 'hostIp' | 'nodeName'>): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed) return (keyed[1] === 'labels' ? metadata.labels : metadata.annotations)?.[keyed[2] ?? ''] ?? '';
  const lines = (map: Readonly<Record<string, string>> = {}): string =>
    Object.entries(map)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join('\n');
  const fields: Readonly<Record<string, () => string | undefined>> = {
    'metadata.name': () => metadata.name,
    'metadata.namespace': () => metadata.namespace,
    'metadata.uid': () => metadata.uid,
    'metadata.labels': () => lines(metadata.labels),
    'metadata.annotations': () => lines(metadata.annotations),
    'spec.nodeName': () => facts.nodeName,
    'spec.serviceAccountName': () => spec?.serviceAccountName,
    'status.hostIP': () => facts.hostIp,
    'status.hostIPs': () => facts.hostIp,
    'status.podIP': () => facts.podIp,
    'status.podIPs': () => facts.podIp,
  };
  const read = fields[path];
  if (!read) throw new KindError('invalid', `unsupported fieldPath: ${path}`);
  return read() ?? '';
}

/** `limits.cpu` in units of the divisor, rounded up; without a limit: what the node can give. */
export function resourceOf(
  pod: Pod,
  own: Container | undefined,
  reference: { readonly containerName?: string; readonly resource: string; readonly divisor?: Quantity },
  allocatable: Readonly<Record<string, Quantity>>,
): string {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = reference.containerName ? all.find((each) => each.name === reference.containerName) : own;
  const [kind = '', ...rest] = reference.resource.split('.');
  const name = rest.join('.');
  const map = kind === 'limits' ? container?.resources?.limits : container?.resources?.requests;
  const quantity = map?.[name] ?? (kind === 'limits' ? allocatable[name] : undefined) ?? 0;
  const divisor = quantityOf(reference.divisor ?? 1) || 1;
  return String(Math.ceil(quantityOf(quantity) / divisor - 1e-9));
}

/** `REDIS_SERVICE_HOST`, `REDIS_SERVICE_PORT`, `REDIS_PORT_6379_TCP_ADDR`, …: kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
function addService(into: Map<string, string>, service: Service): void {
  const ip = service.spec?.clusterIP;
  if (!ip || ip === 'None') return;
  const prefix = variableName(service.metadata.name ?? '');
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (!first) return;
  into.set(`${prefix}_SERVICE_HOST`, ip);
  into.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const port of ports) if (port.name) into.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
  into.set(`${prefix}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${ip}:${first.port}`);
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const name = `${prefix}_PORT_${port.port}_${protocol}`;
    into.set(name, `${protocol.toLowerCase()}://${ip}:${port.port}`);
    into.set(`${name}_PROTO`, protocol.toLowerCase());
    into.set(`${name}_PORT`, String(port.port));
    into.set(`${name}_ADDR`, ip);
  }
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function missing(kind: string, name: string): KindError {
  return new KindError('invalid', `${kind} "${name}" not found`);
}

function required(value: string | undefined, optional: boolean | undefined, message: string): string | undefined {
  if (value === undefined && !optional) throw new KindError('invalid', message);
  return value;
}
