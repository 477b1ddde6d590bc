import { endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import type { Store } from '../../store/store.ts';
import { objectAt } from './registry/codec.ts';
import { keyOf, prefixOf } from './registry/keys.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export function serviceAt(store: Store, namespace: string, name: string): Service | undefined {
  const entry = store.get(keyOf(services, namespace, name));
  return entry && (objectAt(entry) as unknown as Service);
}

export function slicesOf(store: Store, namespace: string, name: string): readonly EndpointSlice[] {
  return store
    .range(prefixOf(endpointSlices, namespace))
    .entries.map((entry) => objectAt(entry) as unknown as EndpointSlice)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
}

/** Every ready endpoint behind a port of a Service: reached directly, without the Service's own address. Throws when there is none. */
export function readyEndpoints(store: Store, namespace: string, name: string, port: number): readonly Endpoint[] {
  const service = serviceAt(store, namespace, name);
  if (!service) throw new Error(`service "${name}" not found`);
  const wanted = service.spec?.ports?.find((one) => one.port === port);
  if (!wanted) throw new Error(`service "${name}" has no port ${port}`);
  const found = slicesOf(store, namespace, name).flatMap(({ endpoints = [], ports = [] }) => {
    const target = ports?.find((one) => (one.name ?? '') === (wanted.name ?? ''))?.port;
    const ready = (endpoints ?? []).filter((one) => one.conditions?.ready !== false);
    return target ? ready.flatMap(({ addresses: [host] }) => (host === undefined ? [] : [{ host, port: target }])) : [];
  });
  if (found.length === 0) throw new Error(`no endpoints available for service "${name}"`);
  return found;
}
