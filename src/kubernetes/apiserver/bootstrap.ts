import { endpoints, endpointSlices, namespaces, priorityClasses, services } from '../../api/kubernetes/kinds.ts';
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

/** What every cluster starts with; what is there already stays. */
export async function bootstrap(registry: Registry, { serviceRange, nodeIp, port }: BootstrapOptions): Promise<void> {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    await ensure(registry, resourceOf(namespaces), undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const making = defaultAccess.map((one) =>
    ensure(registry, resourceOf(one.kind), one.object.metadata.namespace, one.object as unknown as Body),
  );
  await Promise.all(making);
  for (const [name, value] of Object.entries(systemPriorities)) {
    const metadata = { name };
    await ensure(registry, resourceOf(priorityClasses), undefined, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata,
      value,
      description: `Used for ${name.replace('system-', '').replace('-', ' ')} pods.`,
    });
  }
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  await ensure(registry, resourceOf(services), 'default', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: {
      clusterIP: nthAddress(serviceRange, 1),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  });
  const subsets = [{ addresses: [{ ip: nodeIp }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const skipMirror = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const object: Body = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'kubernetes', namespace: 'default', labels: skipMirror },
    subsets,
  };
  await ensure(registry, resourceOf(endpoints), 'default', object);
  await registry.update(resourceOf(endpoints), { namespace: 'default', name: 'kubernetes' }, (current) => ({ ...current, subsets }));
  const slice: Body = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [nodeIp], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  await ensure(registry, resourceOf(endpointSlices), 'default', slice);
  await registry.update(resourceOf(endpointSlices), { namespace: 'default', name: 'kubernetes' }, (current) => ({
    ...current,
    endpoints: slice['endpoints'],
    ports: slice['ports'],
  }));
}

/** Asked first: a second create of the kubernetes Service would fail on its address, not on its name. */
async function ensure(registry: Registry, resource: Resource, namespace: string | undefined, object: Body): Promise<void> {
  try {
    await registry.get(resource, { namespace, name: object.metadata.name ?? '' });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    await registry.create(resource, namespace, object);
  }
}
