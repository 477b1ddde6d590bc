import { isIPv4 } from 'node:net';
import { arrayOf, compact, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkLabelName } from './names.ts';
import { baseStrategy, immutable, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];

function defaults(object: Body): Body {
  const spec = objectOf(object.spec);
  const type = textOf(spec['type']) || 'ClusterIP';
  const hasAddress = type !== 'ExternalName';
  const isExternal = type === 'NodePort' || type === 'LoadBalancer';
  return {
    ...object,
    spec: compact({
      sessionAffinity: 'None',
      ...(hasAddress && { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }),
      ...(isExternal && { externalTrafficPolicy: 'Cluster' }),
      ...(type === 'LoadBalancer' && { allocateLoadBalancerNodePorts: true }),
      ...spec,
      type,
      ...(spec['ports'] !== undefined && { ports: objectsOf(spec['ports']).map(portDefaults) }),
      ...(spec['sessionAffinity'] === 'ClientIP' && {
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 }, ...objectOf(spec['sessionAffinityConfig']) },
      }),
    }),
  };
}

function portDefaults(port: JsonObject): JsonObject {
  const targetPort =
    port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '' ? port['port'] : port['targetPort'];
  return { ...port, protocol: port['protocol'] ?? 'TCP', targetPort };
}

function validate(object: Body): readonly FieldCause[] {
  const spec = objectOf(object.spec);
  const [type, ports] = [textOf(spec['type']), objectsOf(spec['ports'])];
  const clusterIp = textOf(spec['clusterIP']);
  const isHeadless = clusterIp === 'None';
  return [
    ...(types.includes(type) ? [] : [unsupported('spec.type', type, types)]),
    ...(ports.length === 0 && type !== 'ExternalName' && !isHeadless ? [required('spec.ports')] : []),
    ...(type === 'ExternalName' && !textOf(spec['externalName']) ? [required('spec.externalName')] : []),
    ...(isHeadless && type !== 'ClusterIP'
      ? [invalid('spec.clusterIPs[0]', clusterIp, `may not be set to 'None' for ${type} services`)]
      : []),
    ...(clusterIp && !isHeadless && !isIPv4(clusterIp)
      ? [invalid('spec.clusterIPs[0]', clusterIp, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
      : []),
    ...ports.flatMap((port, index) => checkPort(port, `spec.ports[${index}]`, ports.length > 1)),
    ...duplicatePorts(ports),
  ];
}

function checkPort(port: JsonObject, path: string, isNamed: boolean): readonly FieldCause[] {
  const number = Number(port['port'] ?? 0);
  const [target, name] = [port['targetPort'], textOf(port['name'])];
  const isTarget =
    typeof target === 'number' ? target >= 1 && target <= 65_535 : /^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(textOf(target));
  const targetText =
    typeof target === 'number'
      ? 'must be between 1 and 65535, inclusive'
      : 'must be a valid port name: at most 15 lower case alphanumeric characters or hyphens, with at least one letter';
  return [
    ...(isNamed && !name ? [required(`${path}.name`)] : []),
    ...(name ? checkLabelName(`${path}.name`, name) : []),
    ...(number >= 1 && number <= 65_535 ? [] : [invalid(`${path}.port`, number, 'must be between 1 and 65535, inclusive')]),
    ...(protocols.includes(textOf(port['protocol'])) ? [] : [unsupported(`${path}.protocol`, port['protocol'], protocols)]),
    ...(isTarget ? [] : [invalid(`${path}.targetPort`, target, targetText)]),
  ];
}

function duplicatePorts(ports: readonly JsonObject[]): readonly FieldCause[] {
  const seen = new Set<string>();
  return ports.flatMap((port, index) => {
    const key = `${textOf(port['protocol'])}/${textOf(port['port'])}`;
    const isSeen = seen.has(key);
    seen.add(key);
    const value = { port: port['port'], protocol: port['protocol'] };
    return isSeen
      ? [{ reason: 'FieldValueDuplicate', field: `spec.ports[${index}]`, message: `Duplicate value: ${JSON.stringify(value)}` }]
      : [];
  });
}

function validateUpdate(object: Body, before: Body): readonly FieldCause[] {
  const [now, old] = [objectOf(object.spec), objectOf(before.spec)];
  if (now['type'] === 'ExternalName' || old['type'] === 'ExternalName' || !old['clusterIP']) return [];
  return immutable('spec.clusterIPs[0]', arrayOf(now['clusterIPs'])[0], arrayOf(old['clusterIPs'])[0]).map((cause) => ({
    ...cause,
    message: `Invalid value: ${JSON.stringify(now['clusterIPs'] ?? [])}: may not change once set`,
    field: 'spec.clusterIPs[0]',
  }));
}

export const serviceStrategy: Strategy = {
  ...baseStrategy,
  defaults,
  prepareForCreate: (object) => ({ ...object, status: { loadBalancer: {} } }),
  validate,
  validateUpdate,
  selectableFields: {
    'spec.clusterIP': (object) => textOf(object.spec?.['clusterIP']),
    'spec.type': (object) => textOf(object.spec?.['type']),
  },
};
