import { objectOf, textOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, invalid, unsupported, type Body, type Strategy } from './strategy.ts';

/** A whole number of pods, or a share of them. */
export function checkIntOrPercent(field: string, value: unknown): readonly FieldCause[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : [];
  if (!/^[0-9]+%$/.test(textOf(value))) {
    return [
      invalid(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ];
  }
  return Number.parseInt(textOf(value), 10) > 100 ? [invalid(field, value, 'must not be greater than 100%')] : [];
}

function validate(budget: Body): readonly FieldCause[] {
  const spec = objectOf(budget.spec);
  const policy = spec['unhealthyPodEvictionPolicy'];
  const isBoth = spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined;
  return [
    ...(isBoth ? [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...checkIntOrPercent('spec.minAvailable', spec['minAvailable']),
    ...checkIntOrPercent('spec.maxUnavailable', spec['maxUnavailable']),
    ...(policy === undefined || policy === 'AlwaysAllow' || policy === 'IfHealthyBudget'
      ? []
      : [unsupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget'])]),
  ];
}

export const disruptionBudgetStrategy: Strategy = {
  ...baseStrategy,
  prepareForCreate: (budget) => ({
    ...budget,
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  }),
  validate,
};
