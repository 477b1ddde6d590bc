import { objectsOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, type Body, forbidden, immutable, required, type Strategy } from './strategy.ts';

export const plainStrategy: Strategy = baseStrategy;

export const eventStrategy: Strategy = {
  ...baseStrategy,
  selectableFields: {
    // Events are found by what they are about.
    ...Object.fromEntries(
      ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'fieldPath'].map((field) => [
        `involvedObject.${field}`,
        (object: Body) => String((object['involvedObject'] as Readonly<Record<string, unknown>> | undefined)?.[field] ?? ''),
      ]),
    ),
    reason: (object) => String(object['reason'] ?? ''),
    type: (object) => String(object['type'] ?? ''),
  },
};

/** Data of a ConfigMap or Secret marked immutable may not change. */
function immutableData(object: Body, before: Body): readonly FieldCause[] {
  if (before['immutable'] !== true) return [];
  const isSame = ['data', 'binaryData'].every((field) => JSON.stringify(object[field]) === JSON.stringify(before[field]));
  const flag = object['immutable'] === true ? [] : [forbidden('immutable', 'field is immutable when `immutable` is set')];
  return isSame ? flag : [...flag, forbidden('data', 'field is immutable when `immutable` is set')];
}

export const configMapStrategy: Strategy = { ...baseStrategy, validateUpdate: immutableData };

export const secretStrategy: Strategy = {
  ...baseStrategy,
  /** `stringData` is write-only: it ends up, encoded, in `data`. */
  defaults: (object) => {
    const { stringData, ...rest } = object;
    const encoded = Object.entries((stringData ?? {}) as Readonly<Record<string, string>>).map(([key, text]) => [
      key,
      Buffer.from(text).toString('base64'),
    ]);
    const data = { ...(object['data'] as object | undefined), ...Object.fromEntries(encoded) };
    return { ...rest, type: object['type'] ?? 'Opaque', ...(Object.keys(data).length > 0 ? { data } : {}) } as Body;
  },
  validateUpdate: (object, before) => [...immutable('type', object['type'], before['type']), ...immutableData(object, before)],
  selectableFields: { type: (object) => String(object['type'] ?? '') },
};

export const namespaceStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, ...(object.metadata.name && { 'kubernetes.io/metadata.name': object.metadata.name }) },
    },
  }),
  prepareForCreate: (object) => ({ ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }),
  selectableFields: { 'status.phase': (object) => String(object.status?.['phase'] ?? '') },
};

/** A kubelet registers its node with its status. */
export const nodeStrategy: Strategy = {
  ...baseStrategy,
  selectableFields: { 'spec.unschedulable': (object) => String(object.spec?.['unschedulable'] === true) },
};

export const endpointSliceStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    endpoints: object['endpoints'] ?? [],
    ports: objectsOf(object['ports']).map((port) => ({ name: '', protocol: 'TCP', ...port })),
  }),
  validateUpdate: (object, before) => immutable('addressType', object['addressType'], before['addressType']),
};

export const storageClassStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    reclaimPolicy: object['reclaimPolicy'] ?? 'Delete',
    volumeBindingMode: object['volumeBindingMode'] ?? 'Immediate',
  }),
  validate: (object) => (object['provisioner'] ? [] : [required('provisioner')]),
  validateUpdate: (object, before) =>
    ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'].flatMap((field) => immutable(field, object[field], before[field])),
};
