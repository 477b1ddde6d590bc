import { compact, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkSubdomain } from './names.ts';
import { baseStrategy, immutable, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const pathTypes = ['Exact', 'Prefix', 'ImplementationSpecific'];

export const ingressStrategy: Strategy = {
  ...baseStrategy,
  prepareForCreate: (object) => ({ ...object, status: { loadBalancer: {} } }),
  validate: (object) => {
    const { defaultBackend, rules } = objectOf(object.spec);
    const isEmpty = objectsOf(rules).length === 0 && defaultBackend === undefined;
    return [
      ...(isEmpty ? [invalid('spec', rules ?? null, 'either `defaultBackend` or `rules` must be specified')] : []),
      ...(defaultBackend === undefined ? [] : checkBackend('spec.defaultBackend', objectOf(defaultBackend))),
      ...objectsOf(rules).flatMap((rule, index) => checkRule(`spec.rules[${index}]`, rule)),
    ];
  },
};

function checkRule(field: string, rule: JsonObject): readonly FieldCause[] {
  const host = textOf(rule['host']);
  const http = rule['http'];
  const paths = objectsOf(objectOf(http)['paths']);
  return [
    ...(host ? checkSubdomain(`${field}.host`, host.replace(/^\*\./, '')) : []),
    ...(http !== undefined && paths.length === 0 ? [required(`${field}.http.paths`)] : []),
    ...paths.flatMap((path, index) => checkPath(`${field}.http.paths[${index}]`, path)),
  ];
}

function checkPath(field: string, path: JsonObject): readonly FieldCause[] {
  const [type, value] = [textOf(path['pathType']), textOf(path['path'])];
  if (!type) return [required(`${field}.pathType`, 'pathType must be specified')];
  const isFree = type === 'ImplementationSpecific' && value === '';
  return [
    ...(pathTypes.includes(type) ? [] : [unsupported(`${field}.pathType`, type, pathTypes)]),
    ...(value.startsWith('/') || isFree ? [] : [invalid(`${field}.path`, value, 'must be an absolute path')]),
    ...checkBackend(`${field}.backend`, objectOf(path['backend'])),
  ];
}

function checkBackend(field: string, backend: JsonObject): readonly FieldCause[] {
  const { service, resource } = backend;
  if (service === undefined && resource === undefined) return [required(field, 'must specify either `service` or `resource`')];
  if (service !== undefined && resource !== undefined) {
    return [invalid(field, '', 'cannot set both resource and service backends')];
  }
  if (service === undefined) return [];
  const { name, port } = objectOf(service);
  const { name: portName, number } = objectOf(port);
  return [
    ...(name ? [] : [required(`${field}.service.name`)]),
    ...(portName || number ? [] : [required(`${field}.service`, 'port name or number is required')]),
    ...(portName && number ? [invalid(`${field}.service.port`, '', 'cannot set both port name & port number')] : []),
  ];
}

export const ingressClassStrategy: Strategy = {
  ...baseStrategy,
  validateUpdate: (object, before) => immutable('spec.controller', object.spec?.['controller'], before.spec?.['controller']),
};

/** Egress counts only when it is spoken of; a port without a protocol is TCP. */
export const networkPolicyStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    const withPorts = (rules: unknown): unknown =>
      rules === undefined
        ? undefined
        : objectsOf(rules).map((rule) =>
            compact({
              ...rule,
              ports: rule['ports'] === undefined ? undefined : objectsOf(rule['ports']).map((port) => ({ protocol: 'TCP', ...port })),
            }),
          );
    const policyTypes = spec['policyTypes'] ?? (spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
    return {
      ...object,
      spec: compact({ podSelector: {}, ...spec, ingress: withPorts(spec['ingress']), egress: withPorts(spec['egress']), policyTypes }),
    };
  },
  validate: (object) => ['ingress', 'egress'].flatMap((way) => checkPeers(object, way, way === 'ingress' ? 'from' : 'to')),
};

function checkPeers(object: Body, way: string, side: string): readonly FieldCause[] {
  return objectsOf(object.spec?.[way]).flatMap((rule, index) =>
    objectsOf(rule[side]).flatMap((peer, position) => {
      const field = `spec.${way}[${index}].${side}[${position}]`;
      if (peer['ipBlock'] === undefined) {
        return peer['podSelector'] === undefined && peer['namespaceSelector'] === undefined ? [required(field, 'must specify a peer')] : [];
      }
      return peer['podSelector'] === undefined && peer['namespaceSelector'] === undefined
        ? []
        : [{ reason: 'FieldValueForbidden', field, message: 'Forbidden: may not specify both ipBlock and another peer' }];
    }),
  );
}
