import { endpointSlices, services, type Kind, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import { isKind } from '../../base/errors.ts';
import type { Client } from '../client/client.ts';

export interface AnnounceOptions {
  /** Must be allowed to write Services in kube-system, which nodes are not. */
  readonly client: Client;
  readonly address: string;
  readonly port: number;
}

const namespace = 'kube-system';

/** Makes the objects by which people know cluster DNS, Service and EndpointSlice kube-system/kube-dns; what is there already stays. */
export async function announceDns({ client, address, port }: AnnounceOptions): Promise<void> {
  await ensure(client, services, service(address));
  await ensure(client, endpointSlices, slice(address, port));
}

/** Asked first: a second Service would be refused for its address, not for its name. */
async function ensure<T extends KubernetesObject>(client: Client, kind: Kind<T>, object: T): Promise<void> {
  const { name = '' } = object.metadata;
  try {
    await client.get(kind, { namespace, name });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    await client.create(kind, object);
  }
}

function service(address: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: 'kube-dns', labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' } },
    spec: {
      clusterIP: address,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
    },
  };
}

/** The server listens at the Service's own address, so traffic to it is translated to itself. */
function slice(address: string, port: number): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: 'kube-dns',
      labels: { 'kubernetes.io/service-name': 'kube-dns', 'endpointslice.kubernetes.io/managed-by': 'davit' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [
      { name: 'dns', port, protocol: 'UDP' },
      { name: 'dns-tcp', port, protocol: 'TCP' },
    ],
  };
}
