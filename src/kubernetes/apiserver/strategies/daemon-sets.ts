import { objectOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, invalid, unsupported, type Body, type Strategy } from './strategy.ts';
import { selectorImmutable, templateDefaults, validateWorkload } from './workloads.ts';

function validateUpdateStrategy(object: Body): readonly FieldCause[] {
  const strategy = objectOf(objectOf(object.spec)['updateStrategy']);
  const path = 'spec.updateStrategy';
  if (strategy['type'] === 'OnDelete') return [];
  if (strategy['type'] !== 'RollingUpdate') return [unsupported(`${path}.type`, strategy['type'], ['OnDelete', 'RollingUpdate'])];
  const { maxSurge, maxUnavailable } = objectOf(strategy['rollingUpdate']);
  const isZero = (value: unknown): boolean => value === 0 || value === '0%' || value === '0';
  if (!isZero(maxSurge) && !isZero(maxUnavailable))
    return [invalid(`${path}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')];
  return isZero(maxSurge) && isZero(maxUnavailable)
    ? [invalid(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable, 'cannot be 0 when maxSurge is 0')]
    : [];
}

export const daemonSetStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    const update = objectOf(spec['updateStrategy']);
    const type = update['type'] ?? 'RollingUpdate';
    const given = objectOf(update['rollingUpdate']);
    const rollingUpdate = type === 'RollingUpdate' ? { rollingUpdate: { maxUnavailable: 1, maxSurge: 0, ...given } } : {};
    return {
      ...object,
      spec: { revisionHistoryLimit: 10, ...spec, updateStrategy: { ...update, type, ...rollingUpdate }, template: templateDefaults(spec) },
    };
  },
  prepareForCreate: (object) => ({
    ...object,
    status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  }),
  validate: (object) => [...validateWorkload(object), ...validateUpdateStrategy(object)],
  validateUpdate: selectorImmutable,
};
