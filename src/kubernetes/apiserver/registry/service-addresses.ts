import { isIPv4 } from 'node:net';
import { services } from '../../../api/kubernetes/kinds.ts';
import type { Store } from '../../../store/store.ts';
import { arrayOf, compact, numberOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import { apiError, invalid, type FieldCause } from '../status.ts';
import * as strategy from '../strategies/strategy.ts';
import type { Body } from '../strategies/strategy.ts';
import { objectAt } from './codec.ts';
import { prefixOf } from './keys.ts';

const nodePorts = { first: 30_000, last: 32_767 };

/** `10.96.0.0/16` as numbers. */
export interface AddressRange {
  readonly text: string;
  readonly first: number;
  readonly size: number;
}

export function addressRange(cidr: string): AddressRange {
  const [address = '', bits = '32'] = cidr.split('/');
  return { text: cidr, first: numberOfAddress(address), size: 2 ** (32 - Number(bits)) };
}

function numberOfAddress(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** `nth(10.96.0.0/16, 1)` = 10.96.0.1. */
export function nthAddress(range: AddressRange, index: number): string {
  const number = range.first + index;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/**
 * Gives a Service its cluster address and node ports, as kube-apiserver does: what the request names is checked,
 * what it leaves out is kept from before or picked. Call it while no other Service is being written.
 */
export function assignAddresses(store: Store, range: AddressRange, service: Body, before: Body | undefined): Body {
  const others = store
    .range(prefixOf(services))
    .entries.map(objectAt)
    .filter((one) => one.metadata.uid !== service.metadata.uid);
  const spec = objectOf(service.spec);
  if (spec['type'] === 'ExternalName') {
    const { clusterIP: _ip, clusterIPs: _ips, ipFamilies: _families, ipFamilyPolicy: _policy, ...rest } = spec;
    return { ...service, spec: rest };
  }
  const clusterIP = clusterAddress(range, service, before, others);
  const ports = spec['type'] === 'ClusterIP' ? withoutNodePorts(spec) : withNodePorts(service, before, others);
  const healthCheckNodePort = healthCheckPort(service, before, [...others, { ...service, spec: { ports } }]);
  return {
    ...service,
    spec: compact({
      ...spec,
      clusterIP,
      clusterIPs: [clusterIP],
      ports: spec['ports'] === undefined ? undefined : ports,
      healthCheckNodePort,
    }),
  };
}

/** A balancer that must find the nodes with endpoints asks them at a port of its own. */
function healthCheckPort(service: Body, before: Body | undefined, others: readonly Body[]): number | undefined {
  const spec = objectOf(service.spec);
  if (spec['type'] !== 'LoadBalancer' || spec['externalTrafficPolicy'] !== 'Local') return undefined;
  const kept = numberOf(before?.spec?.['healthCheckNodePort']);
  const wanted = numberOf(spec['healthCheckNodePort']) || kept;
  const taken = takenPorts(others);
  if (wanted === 0) return pickPort(taken);
  if (wanted !== kept && taken.has(wanted))
    throw refuse(service, [strategy.invalid('spec.healthCheckNodePort', wanted, 'provided port is already allocated')]);
  return wanted;
}

function takenPorts(ofServices: readonly Body[]): Set<number> {
  return new Set(
    ofServices.flatMap(({ spec }) => [
      ...objectsOf(spec?.['ports']).map((port) => numberOf(port['nodePort'])),
      numberOf(spec?.['healthCheckNodePort']),
    ]),
  );
}

function clusterAddress(range: AddressRange, service: Body, before: Body | undefined, others: readonly Body[]): string {
  const wanted =
    textOf(service.spec?.['clusterIP']) || textOf(arrayOf(service.spec?.['clusterIPs'])[0]) || textOf(before?.spec?.['clusterIP']);
  if (wanted === 'None' || (wanted && wanted === before?.spec?.['clusterIP'])) return wanted;
  const taken = new Set(others.map((one) => textOf(one.spec?.['clusterIP'])));
  if (wanted) return claimed(range, service, wanted, taken);
  // Addresses that are picked stay out of the low band, which is for those that are named.
  const band = Math.min(Math.max(16, range.size / 16), 256, range.size / 2);
  const [low, count] = [band, range.size - band - 1];
  const start = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step += 1) {
    const address = nthAddress(range, low + ((start + step) % count));
    if (!taken.has(address)) return address;
  }
  throw apiError('InternalError', `Internal error occurred: failed to allocate a serviceIP: range ${range.text} is full`);
}

function claimed(range: AddressRange, service: Body, wanted: string, taken: ReadonlySet<string>): string {
  const offset = isIPv4(wanted) ? numberOfAddress(wanted) - range.first : -1;
  const why =
    offset < 0 || offset >= range.size
      ? `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${range.text}`
      : 'provided IP is already allocated';
  if (offset >= 0 && offset < range.size && !taken.has(wanted)) return wanted;
  throw refuse(service, [strategy.invalid('spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${why}`)]);
}

function withoutNodePorts(spec: JsonObject): readonly JsonObject[] {
  return objectsOf(spec['ports']).map(({ nodePort: _port, ...port }) => port);
}

function withNodePorts(service: Body, before: Body | undefined, others: readonly Body[]): readonly JsonObject[] {
  const taken = takenPorts(others);
  const old = objectsOf(before?.spec?.['ports']);
  const ports = objectsOf(service.spec?.['ports']);
  const named = ports.map((port) => {
    const kept = old.find((one) => one['port'] === port['port'] && one['protocol'] === port['protocol']);
    return numberOf(port['nodePort']) || numberOf(kept?.['nodePort']);
  });
  for (const [index, port] of named.entries()) {
    if (port === 0) continue;
    if (port < nodePorts.first || port > nodePorts.last) {
      const why = `provided port is not in the valid range. The range of valid ports is ${nodePorts.first}-${nodePorts.last}`;
      throw refuse(service, [strategy.invalid(`spec.ports[${index}].nodePort`, port, why)]);
    }
    if (taken.has(port))
      throw refuse(service, [strategy.invalid(`spec.ports[${index}].nodePort`, port, 'provided port is already allocated')]);
  }
  const used = new Set([...taken, ...named]);
  const mayPick = service.spec?.['type'] !== 'LoadBalancer' || service.spec['allocateLoadBalancerNodePorts'] !== false;
  return ports.map((port, index) => compact({ ...port, nodePort: named[index] || (mayPick ? pickPort(used) : undefined) }));
}

function pickPort(used: Set<number>): number {
  const count = nodePorts.last - nodePorts.first + 1;
  const start = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step += 1) {
    const port = nodePorts.first + ((start + step) % count);
    if (used.has(port)) continue;
    used.add(port);
    return port;
  }
  throw apiError('InternalError', 'Internal error occurred: failed to allocate a nodePort: range is full');
}

const refuse = (service: Body, causes: readonly FieldCause[]): Error => invalid(services, service.metadata.name ?? '', causes);
