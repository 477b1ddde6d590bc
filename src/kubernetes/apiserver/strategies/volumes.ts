import type { PersistentVolumeClaimSpec } from '../../../api/kubernetes/types.generated.ts';
import { baseStrategy, type Body, required, type Strategy, forbidden } from './strategy.ts';
import { equal } from '../json.ts';

const claimSpec = (object: Body): PersistentVolumeClaimSpec => (object.spec ?? {}) as PersistentVolumeClaimSpec;

export const claimStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({ ...object, spec: { ...object.spec, volumeMode: claimSpec(object).volumeMode ?? 'Filesystem' } }),
  prepareForCreate: (object) => ({ ...object, status: { phase: 'Pending' } }),
  validate: (object) => [
    ...(claimSpec(object).accessModes?.length ? [] : [required('spec.accessModes', 'at least 1 access mode is required')]),
    ...(claimSpec(object).resources?.requests?.['storage'] ? [] : [required('spec.resources[storage]')]),
  ],
  validateUpdate: (object, before) => {
    const rest = (body: Body): unknown => ({
      ...claimSpec(body),
      resources: {},
      volumeName: claimSpec(body).volumeName ?? claimSpec(object).volumeName,
      // The volume controller gives the default class to a claim that names none.
      storageClassName: claimSpec(body).storageClassName ?? claimSpec(object).storageClassName,
    });
    if (equal(rest(object), rest(before))) return [];
    return [forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')];
  },
};

export const volumeStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    spec: {
      ...object.spec,
      volumeMode: object.spec?.['volumeMode'] ?? 'Filesystem',
      persistentVolumeReclaimPolicy: object.spec?.['persistentVolumeReclaimPolicy'] ?? 'Retain',
    },
  }),
  prepareForCreate: (object) => ({ ...object, status: { phase: 'Pending' } }),
  validate: (object) => [
    ...(object.spec?.['capacity'] ? [] : [required('spec.capacity')]),
    ...(object.spec?.['accessModes'] ? [] : [required('spec.accessModes')]),
  ],
};
