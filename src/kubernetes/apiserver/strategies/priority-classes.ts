import { numberOf, textOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, forbidden, invalid, unsupported, type Body, type Strategy } from './strategy.ts';

/** Users' priorities end here; what lies above is for the cluster's own pods. */
const highestUserPriority = 1_000_000_000;

export const systemPriorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

function validate(one: Body): readonly FieldCause[] {
  const name = one.metadata.name ?? '';
  const value = numberOf(one['value']);
  const policy = textOf(one['preemptionPolicy']);
  const isSystem = name.startsWith('system-');
  return [
    ...(isSystem && systemPriorities[name] !== value
      ? [forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only")]
      : []),
    ...(!isSystem && value > highestUserPriority
      ? [forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`)]
      : []),
    ...(policy === 'PreemptLowerPriority' || policy === 'Never'
      ? []
      : [unsupported('preemptionPolicy', policy, ['Never', 'PreemptLowerPriority'])]),
  ];
}

export const priorityClassStrategy: Strategy = {
  ...baseStrategy,
  defaults: (one) => ({ ...one, preemptionPolicy: one['preemptionPolicy'] ?? 'PreemptLowerPriority' }),
  validate,
  validateUpdate: (one, before) => [
    ...(one['value'] === before['value'] ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...(one['preemptionPolicy'] === before['preemptionPolicy']
      ? []
      : [invalid('preemptionPolicy', one['preemptionPolicy'], 'field is immutable')]),
  ],
};
