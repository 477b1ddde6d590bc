import { isIPv4 } from 'node:net';
import { arrayOf, compact, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkLabelName } from './names.ts';
import { baseStrategy, forbidden, immutable, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const affinities = ['ClientIP', 'None'];
const policies = ['Cluster', 'Local'];
const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const dayInSeconds = 86_400;
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
      ...((isExternal || arrayOf(spec['externalIPs']).length > 0) && { externalTrafficPolicy: 'Cluster' }),
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
    ...checkFamilies(spec),
    ...checkTraffic(spec, type),
    ...checkAffinity(spec),
    ...ports.flatMap((port, index) => checkPort(port, `spec.ports[${index}]`, ports.length > 1)),
    ...duplicatePorts(ports),
  ];
}

/** Pods have IPv4 addresses only. */
function checkFamilies(spec: JsonObject): readonly FieldCause[] {
  const policy = spec['ipFamilyPolicy'];
  return [
    ...arrayOf(spec['ipFamilies']).flatMap((family, index) => {
      if (family === 'IPv4') return [];
      if (family === 'IPv6') return [invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster')];
      return [unsupported(`spec.ipFamilies[${index}]`, family, ['IPv4', 'IPv6'])];
    }),
    ...(policy === 'RequireDualStack'
      ? [invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services')]
      : []),
  ];
}

function checkTraffic(spec: JsonObject, type: string): readonly FieldCause[] {
  const oneOf = (field: string, values: readonly string[]): readonly FieldCause[] =>
    spec[field] === undefined || values.includes(textOf(spec[field])) ? [] : [unsupported(`spec.${field}`, spec[field], values)];
  const isExternal = type === 'NodePort' || type === 'LoadBalancer' || arrayOf(spec['externalIPs']).length > 0;
  const policy = spec['externalTrafficPolicy'];
  const ranges = arrayOf(spec['loadBalancerSourceRanges']);
  return [
    ...(policy !== undefined && !isExternal
      ? [invalid('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services')]
      : oneOf('externalTrafficPolicy', policies)),
    ...oneOf('internalTrafficPolicy', policies),
    ...oneOf('trafficDistribution', distributions),
    ...arrayOf(spec['externalIPs']).flatMap((ip, index) =>
      isIPv4(textOf(ip))
        ? []
        : [invalid(`spec.externalIPs[${index}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')],
    ),
    ...(ranges.length > 0 && type !== 'LoadBalancer'
      ? [forbidden('spec.loadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'")]
      : ranges.flatMap((range, index) =>
          isCidr(textOf(range).trim())
            ? []
            : [
                invalid(
                  `spec.loadBalancerSourceRanges[${index}]`,
                  range,
                  'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
                ),
              ],
        )),
  ];
}

function checkAffinity(spec: JsonObject): readonly FieldCause[] {
  const [affinity, config] = [spec['sessionAffinity'], spec['sessionAffinityConfig']];
  if (affinity !== undefined && !affinities.includes(textOf(affinity))) return [unsupported('spec.sessionAffinity', affinity, affinities)];
  if (affinity !== 'ClientIP')
    return config === undefined
      ? []
      : [forbidden('spec.sessionAffinityConfig', `must not be set when session affinity is ${textOf(affinity)}`)];
  const seconds = Number(objectOf(objectOf(config)['clientIP'])['timeoutSeconds'] ?? 0);
  return seconds > 0 && seconds <= dayInSeconds
    ? []
    : [invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, `must be greater than 0 and less than ${dayInSeconds}`)];
}

function isCidr(text: string): boolean {
  const [address = '', bits] = text.split('/');
  return isIPv4(address) && bits !== undefined && /^\d+$/.test(bits) && Number(bits) <= 32;
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
