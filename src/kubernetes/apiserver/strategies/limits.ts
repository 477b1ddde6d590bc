import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { Quantity } from '../../../api/kubernetes/types.generated.ts';
import { arrayOf, objectOf, objectsOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, immutable, invalid, required, type Body, type Strategy } from './strategy.ts';

/** What a container gets that names nothing: the maximum as its limit; its limit, or the minimum, as its request. */
function itemDefaults(item: JsonObject): JsonObject {
  if (item['type'] !== 'Container') return item;
  const limits = { ...objectOf(item['max']), ...objectOf(item['default']) };
  const requests = { ...objectOf(item['min']), ...limits, ...objectOf(item['defaultRequest']) };
  return {
    ...item,
    ...(Object.keys(limits).length > 0 && { default: limits }),
    ...(Object.keys(requests).length > 0 && { defaultRequest: requests }),
  };
}

export const limitRangeStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({ ...object, spec: { ...object.spec, limits: objectsOf(object.spec?.['limits']).map(itemDefaults) } }),
  validate: (object) => objectsOf(object.spec?.['limits']).flatMap((item, index) => checkItem(`spec.limits[${index}]`, item)),
};

const order = ['min', 'defaultRequest', 'default', 'max'] as const;

function checkItem(field: string, item: JsonObject): readonly FieldCause[] {
  const sides = order.map((side) => [side, objectOf(item[side])] as const);
  const names = new Set(sides.flatMap(([, values]) => Object.keys(values)));
  const wrong = [...names].flatMap((name) => {
    const known = sides.filter(([, values]) => values[name] !== undefined);
    return known.slice(1).flatMap(([side, values], index) => {
      const [lowerSide, lower] = known[index] as (typeof known)[number];
      const [low, high] = [lower[name], values[name]] as [Quantity, Quantity];
      if (quantityOf(low) <= quantityOf(high)) return [];
      const text = `${labels[lowerSide]} value ${low} is greater than ${labels[side]} value ${high}`;
      return [invalid(`${field}.${lowerSide}[${name}]`, String(low), text)];
    });
  });
  return [...(item['type'] ? [] : [required(`${field}.type`)]), ...wrong];
}

const labels = { min: 'min', defaultRequest: 'default request', default: 'default', max: 'max' } as const;

export const resourceQuotaStrategy: Strategy = {
  ...baseStrategy,
  prepareForCreate: (object) => ({ ...object, status: {} }),
  validate: (object) =>
    Object.entries(objectOf(object.spec?.['hard'])).flatMap(([name, value]) => {
      const field = `spec.hard[${name}]`;
      const amount = quantityOf(value as Quantity);
      return amount < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : [];
    }),
  validateUpdate: (object, before) => immutable('spec.scopes', scopes(object), scopes(before)),
};

const scopes = (object: Body): readonly unknown[] => arrayOf(object.spec?.['scopes']);
