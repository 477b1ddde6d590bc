import { endpoints, endpointSlices, namespaces, priorityClasses, services } from '../../api/kubernetes/kinds.ts';
import { broughtUpToDate, refersElsewhere } from './access/bring-up-to-date.ts';
import { defaultAccess } from './access/default-roles.ts';
import { isKind } from '../../base/errors.ts';
import type { Registry } from './registry/registry.ts';
import { nthAddress, type AddressRange } from './registry/service-addresses.ts';
import { resourceOf, type Resource } from './resources.ts';
import { systemPriorities } from './strategies/priority-classes.ts';
import type { Body } from './strategies/strategy.ts';

export interface BootstrapOptions {
  readonly serviceRange: AddressRange;
  /** Where pods reach the API server behind the `kubernetes` Service. */
  readonly nodeIp: string;
  readonly port: number;
}

/** What every cluster starts with; what is there already stays, except that default roles get what this release adds to them. */
export async function bootstrap(registry: Registry, options: BootstrapOptions): Promise<void> {
  const namespaced = ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) =>
    ensure(registry, resourceOf(namespaces), undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
  );
  await Promise.all(namespaced);
  // At the same time: the store takes them all with one write to the disk.
  await Promise.all([
    ...defaultAccess.map((one) => ensureAccess(registry, one)),
    ensurePriorities(registry),
    ensureKubernetes(registry, options),
  ]);
}

async function ensureAccess(registry: Registry, { kind, object }: (typeof defaultAccess)[number]): Promise<void> {
  const [resource, wanted] = [resourceOf(kind), object as unknown as Body];
  const { namespace, name = '' } = object.metadata;
  const current = await ensure(registry, resource, namespace, wanted);
  if (refersElsewhere(current, object)) {
    await registry.delete(resource, { namespace, name });
    await registry.create(resource, namespace, wanted);
    return;
  }
  if (broughtUpToDate(current, object) !== current)
    await registry.update(resource, { namespace, name }, (newest) => broughtUpToDate(newest, object));
}

async function ensurePriorities(registry: Registry): Promise<void> {
  const making = Object.entries(systemPriorities).map(([name, value]) =>
    ensure(registry, resourceOf(priorityClasses), undefined, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      description: `Used for ${name.replace('system-', '').replace('-', ' ')} pods.`,
    }),
  );
  await Promise.all(making);
}

/** The Service by which pods reach the API, and where it leads. */
async function ensureKubernetes(registry: Registry, { serviceRange, nodeIp, port }: BootstrapOptions): Promise<void> {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const service: Body = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: {
      clusterIP: nthAddress(serviceRange, 1),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  };
  const subsets = [{ addresses: [{ ip: nodeIp }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const places: Body = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets,
  };
  const slice: Body = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [nodeIp], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  const { endpoints: own, ports } = slice;
  await Promise.all([
    ensure(registry, resourceOf(services), 'default', service),
    keep(registry, resourceOf(endpoints), places, { subsets }),
    keep(registry, resourceOf(endpointSlices), slice, { endpoints: own, ports }),
  ]);
}

/** Also when the server has another address than last time. */
async function keep(registry: Registry, resource: Resource, object: Body, now: Readonly<Record<string, unknown>>): Promise<void> {
  await ensure(registry, resource, 'default', object);
  await registry.update(resource, { namespace: 'default', name: 'kubernetes' }, (current) => ({ ...current, ...now }));
}

/** Asked first: a second create of the kubernetes Service would fail on its address, not on its name. */
async function ensure(registry: Registry, resource: Resource, namespace: string | undefined, object: Body): Promise<Body> {
  try {
    return await registry.get(resource, { namespace, name: object.metadata.name ?? '' });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    return registry.create(resource, namespace, object);
  }
}
