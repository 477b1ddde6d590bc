import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import { isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkLabelName } from './names.ts';
import { duplicate, invalid, required, unsupported } from './strategy.ts';

const notFound = (field: string, value: unknown): FieldCause => ({
  reason: 'FieldValueNotFound',
  field,
  message: `Not found: ${JSON.stringify(value)}`,
});

function oneOf(field: string, value: unknown, supported: readonly string[]): readonly FieldCause[] {
  return value === undefined || supported.includes(textOf(value)) ? [] : [unsupported(field, value, supported)];
}

function checkPort(field: string, port: unknown): readonly FieldCause[] {
  if (port === undefined) return [required(field)];
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? [] : [invalid(field, port, 'must be between 1 and 65535, inclusive')];
}

function duplicates(field: (index: number) => string, names: readonly unknown[]): readonly FieldCause[] {
  return names.flatMap((name, index) =>
    name !== '' && name !== undefined && names.indexOf(name) < index ? [duplicate(field(index), name)] : [],
  );
}

/** The rules of core validation that manifests break in practice; `path` is `spec` or `spec.template.spec`. */
export function validatePodSpec(spec: JsonObject, path: string): readonly FieldCause[] {
  const containers = objectsOf(spec['containers']);
  const volumes = objectsOf(spec['volumes']);
  const volumeNames = new Set(volumes.map((volume) => textOf(volume['name'])));
  const all = [
    ...containers.map((one, index) => ({ one, at: `${path}.containers[${index}]` })),
    ...objectsOf(spec['initContainers']).map((one, index) => ({ one, at: `${path}.initContainers[${index}]` })),
  ];
  const names = all.map(({ one }) => one['name']);
  const grace = spec['terminationGracePeriodSeconds'];
  return [
    ...volumes.flatMap((volume, index) => checkVolume(volume, `${path}.volumes[${index}]`)),
    ...duplicates(
      (index) => `${path}.volumes[${index}].name`,
      volumes.map((volume) => volume['name']),
    ),
    ...(containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...all.flatMap(({ one, at }) => checkContainer(one, at, volumeNames)),
    ...duplicates((index) => `${all[index]?.at}.name`, names),
    ...oneOf(`${path}.restartPolicy`, spec['restartPolicy'], ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${path}.dnsPolicy`, spec['dnsPolicy'], ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...(typeof grace === 'number' && grace < 0
      ? [invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0')]
      : []),
  ];
}

function checkVolume(volume: JsonObject, path: string): readonly FieldCause[] {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  const name = checkLabelName(`${path}.name`, textOf(volume['name']));
  const wanted: Readonly<Record<string, string>> = {
    secret: 'secretName',
    configMap: 'name',
    hostPath: 'path',
    persistentVolumeClaim: 'claimName',
  };
  return [
    ...name,
    ...sources.slice(1).map((source) => ({
      reason: 'FieldValueForbidden',
      field: `${path}.${source}`,
      message: 'Forbidden: may not specify more than 1 volume type',
    })),
    ...sources.flatMap((source) => {
      const field = wanted[source];
      return field && !textOf(objectOf(volume[source])[field]) ? [required(`${path}.${source}.${field}`)] : [];
    }),
  ];
}

function checkContainer(container: JsonObject, path: string, volumes: ReadonlySet<string>): readonly FieldCause[] {
  const ports = objectsOf(container['ports']);
  return [
    ...checkLabelName(`${path}.name`, textOf(container['name'])),
    ...(textOf(container['image']).trim() === '' ? [required(`${path}.image`)] : []),
    ...oneOf(`${path}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']),
    ...ports.flatMap((port, index) => [
      ...checkPort(`${path}.ports[${index}].containerPort`, port['containerPort']),
      ...(port['hostPort'] ? checkPort(`${path}.ports[${index}].hostPort`, port['hostPort']) : []),
      ...oneOf(`${path}.ports[${index}].protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']),
    ]),
    ...duplicates(
      (index) => `${path}.ports[${index}].name`,
      ports.map((port) => port['name']),
    ),
    ...objectsOf(container['env']).flatMap((variable, index) => checkVariable(variable, `${path}.env[${index}]`)),
    ...objectsOf(container['volumeMounts']).flatMap((mount, index) => checkMount(mount, `${path}.volumeMounts[${index}]`, volumes)),
    ...duplicates(
      (index) => `${path}.volumeMounts[${index}].mountPath`,
      objectsOf(container['volumeMounts']).map((mount) => mount['mountPath']),
    ).map((cause) => ({
      ...cause,
      reason: 'FieldValueInvalid',
      message: cause.message.replace('Duplicate value: ', 'Invalid value: ') + ': must be unique',
    })),
    ...checkResources(objectOf(container['resources']), `${path}.resources`),
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((name) =>
      isObject(container[name]) ? checkProbe(container[name], `${path}.${name}`) : [],
    ),
  ];
}

function checkVariable(variable: JsonObject, path: string): readonly FieldCause[] {
  if (!textOf(variable['name'])) return [required(`${path}.name`)];
  if (textOf(variable['value']) && variable['valueFrom'] !== undefined) {
    return [invalid(`${path}.valueFrom`, '', 'may not be specified when `value` is not empty')];
  }
  return [];
}

function checkMount(mount: JsonObject, path: string, volumes: ReadonlySet<string>): readonly FieldCause[] {
  const name = textOf(mount['name']);
  if (!name) return [required(`${path}.name`)];
  const missing = volumes.has(name) ? [] : [notFound(`${path}.name`, name)];
  return [...missing, ...(textOf(mount['mountPath']) ? [] : [required(`${path}.mountPath`)])];
}

function checkProbe(probe: JsonObject, path: string): readonly FieldCause[] {
  const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'].filter((name) => probe[name] !== undefined);
  const numbers = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];
  return [
    ...(handlers.length === 0 ? [required(path, 'must specify a handler type')] : []),
    ...handlers.slice(1).map((name) => ({
      reason: 'FieldValueForbidden',
      field: `${path}.${name}`,
      message: 'Forbidden: may not specify more than 1 handler type',
    })),
    ...numbers
      .filter((name) => Number(probe[name] ?? 0) < 0)
      .map((name) => invalid(`${path}.${name}`, probe[name], 'must be greater than or equal to 0')),
  ];
}

function amount(field: string, value: unknown): number | FieldCause {
  try {
    return quantityOf(value as string);
  } catch (error) {
    return invalid(field, value, error instanceof Error ? error.message.replace(/: ".*"$/, '') : 'invalid quantity');
  }
}

function checkResources(resources: JsonObject, path: string): readonly FieldCause[] {
  const limits = objectOf(resources['limits']);
  const check = (field: 'limits' | 'requests'): readonly FieldCause[] =>
    Object.entries(objectOf(resources[field])).flatMap(([name, value]) => {
      const read = amount(`${path}.${field}[${name}]`, value);
      if (typeof read !== 'number') return [read];
      return read < 0 ? [invalid(`${path}.${field}[${name}]`, textOf(value), 'must be greater than or equal to 0')] : [];
    });
  const wrong = [...check('limits'), ...check('requests')];
  if (wrong.length > 0) return wrong;
  return Object.entries(objectOf(resources['requests'])).flatMap(([name, value]) => {
    const limit = limits[name];
    if (limit === undefined || quantityOf(value as string) <= quantityOf(limit as string)) return [];
    return [invalid(`${path}.requests`, textOf(value), `must be less than or equal to ${name} limit of ${textOf(limit)}`)];
  });
}
