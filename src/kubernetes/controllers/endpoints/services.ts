import { endpoints, endpointSlices, pods, services } from '../../../api/kubernetes/kinds.ts';
import type { EndpointSlice, Pod, Service } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client, ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';
import { endpointsManagedLabel, endpointsOf, sliceMetadata, sliceSpecs, type ZoneOf } from './plan.ts';

const nameLabel = 'kubernetes.io/service-name';
const managedLabel = 'endpointslice.kubernetes.io/managed-by';

/**
 * Keeps the EndpointSlices and the Endpoints of every Service with a selector. `servicesOf` names the Services
 * that may select a pod; being wrong about a moment ago costs nothing, since Service changes trigger too.
 */
export function endpointsController(servicesOf: (pod: Pod) => readonly ObjectKey[], zoneOf: ZoneOf): Reconciler {
  return {
    name: 'endpointslice-controller',
    triggers: [
      { kind: services, keysOf: ownKey },
      { kind: pods, keysOf: servicesOf },
      { kind: endpointSlices, keysOf: ({ metadata }) => named(metadata.namespace, metadata.labels?.[nameLabel]) },
      { kind: endpoints, keysOf: ownKey },
    ],
    async reconcile({ client }, key) {
      const service = await getIfExists(client, services, key);
      if (!service) return removeEndpoints(client, key);
      if (service.spec?.type === 'ExternalName' || Object.keys(service.spec?.selector ?? {}).length === 0) return undefined;
      if (service.metadata.deletionTimestamp) return undefined;
      const labelSelector = Object.entries(service.spec?.selector ?? {})
        .map(([name, value]) => `${name}=${value}`)
        .join(',');
      const { items } = await client.list(pods, { namespace: key.namespace, labelSelector });
      await writeSlices(client, service, sliceSpecs(service, items, zoneOf));
      await writeEndpoints(client, service, items);
      return undefined;
    },
  };
}

/** Slices have an owner and go by garbage collection; Endpoints never had one. */
async function removeEndpoints(client: Client, key: ObjectKey): Promise<undefined> {
  const existing = await getIfExists(client, endpoints, key);
  if (!existing?.metadata.labels?.[endpointsManagedLabel]) return undefined;
  await client.delete(endpoints, key, { uid: existing.metadata.uid }).catch(ignoring('notFound'));
  return undefined;
}

async function writeSlices(client: Client, service: Service, wanted: ReturnType<typeof sliceSpecs>): Promise<void> {
  const { namespace, name } = service.metadata;
  const { items } = await client.list(endpointSlices, { namespace, labelSelector: `${nameLabel}=${name}` });
  const metadata = sliceMetadata(service);
  const own = items.filter((slice) => slice.metadata.labels?.[managedLabel] === metadata.labels?.[managedLabel]);
  for (const [index, spec] of wanted.entries()) {
    const existing = own[index];
    if (!existing) await client.create(endpointSlices, { ...spec, metadata });
    else await updateSlice(client, existing, { ...spec, metadata: { ...existing.metadata, labels: metadata.labels } });
  }
  for (const surplus of own.slice(wanted.length)) {
    await client.delete(endpointSlices, { namespace, name: surplus.metadata.name ?? '' }).catch(ignoring('notFound'));
  }
}

async function updateSlice(client: Client, existing: EndpointSlice, wanted: EndpointSlice): Promise<void> {
  const facts = ({ endpoints: addresses, ports, metadata }: EndpointSlice): unknown => [addresses ?? [], ports ?? [], metadata.labels];
  if (!isEqual(facts(existing), facts(wanted))) await client.update(endpointSlices, wanted);
}

async function writeEndpoints(client: Client, service: Service, selected: readonly Pod[]): Promise<void> {
  const { namespace, name = '' } = service.metadata;
  const wanted = endpointsOf(service, selected);
  const existing = await getIfExists(client, endpoints, { namespace, name });
  if (!existing) {
    await client.create(endpoints, wanted).catch(ignoring('alreadyExists'));
    return;
  }
  const isSame = isEqual(existing.subsets ?? [], wanted.subsets ?? []) && isEqual(existing.metadata.labels, wanted.metadata.labels);
  if (isSame) return;
  await client.update(endpoints, {
    ...existing,
    metadata: { ...existing.metadata, labels: wanted.metadata.labels },
    subsets: wanted.subsets,
  });
}

function named(namespace: string | undefined, name: string | undefined): readonly ObjectKey[] {
  return name === undefined ? [] : [{ namespace, name }];
}

function ignoring(kind: 'alreadyExists' | 'notFound'): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, kind)) throw error;
  };
}
