import { isIPv4, isIPv6 } from 'node:net';
import { equal, isObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { invalid, required, unsupported } from '../strategies/strategy.ts';
import type { JsonSchema } from './json-schema.ts';

/**
 * What is wrong with a value, in the words of apiextensions. Ratcheting: what was wrong before and did not change is let be,
 * so that a stricter schema does not lock objects that exist.
 */
export function validateValue(value: unknown, schema: JsonSchema, path: string, before?: unknown): readonly FieldCause[] {
  if (before !== undefined && equal(value, before)) return [];
  if (value === null) return schema.nullable ? [] : [typeError(value, schema.type ?? 'object', path)];
  const type = schema['x-kubernetes-int-or-string'] ? undefined : schema.type;
  if (type !== undefined && !hasType(value, type)) return [typeError(value, type, path)];
  if (schema['x-kubernetes-int-or-string'] && !hasType(value, 'integer') && typeof value !== 'string') {
    return [typeError(value, 'integer,string', path)];
  }
  return [
    ...enumCauses(value, schema, path),
    ...(typeof value === 'string' ? textCauses(value, schema, path) : []),
    ...(typeof value === 'number' ? numberCauses(value, schema, path) : []),
    ...(Array.isArray(value) ? listCauses(value, schema, path, before) : []),
    ...(isObject(value) ? objectCauses(value, schema, path, before) : []),
    ...combinedCauses(value, schema, path),
  ];
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    default:
      return typeof value === type;
  }
}

const nameOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

function typeError(value: unknown, type: string, path: string): FieldCause {
  const text = `${path} in body must be of type ${type}: ${JSON.stringify(nameOf(value))}`;
  return { reason: 'FieldValueTypeInvalid', field: path, message: `Invalid value: ${JSON.stringify(nameOf(value))}: ${text}` };
}

function enumCauses(value: unknown, { enum: allowed }: JsonSchema, path: string): readonly FieldCause[] {
  if (!allowed || allowed.some((one) => equal(one, value))) return [];
  return [
    unsupported(
      path,
      value,
      allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
    ),
  ];
}

function textCauses(value: string, schema: JsonSchema, path: string): readonly FieldCause[] {
  const { minLength, maxLength, pattern, format } = schema;
  const length = [...value].length;
  return [
    ...(minLength !== undefined && length < minLength
      ? [invalid(path, value, `${path} in body should be at least ${minLength} chars long`)]
      : []),
    ...(maxLength !== undefined && length > maxLength
      ? [{ reason: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${maxLength} bytes` }]
      : []),
    ...(pattern !== undefined && !new RegExp(pattern, 'u').test(value)
      ? [invalid(path, value, `${path} in body should match '${pattern}'`)]
      : []),
    ...(format !== undefined && formats[format]?.(value) === false
      ? [invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`)]
      : []),
  ];
}

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  'date-time': (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) && !Number.isNaN(Date.parse(value)),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  hostname: (value) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/i.test(value),
  ipv4: isIPv4,
  ipv6: isIPv6,
  uri: (value) => URL.canParse(value) || value.startsWith('/'),
  uuid: (value) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value),
  byte: (value) => /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
};

function numberCauses(value: number, schema: JsonSchema, path: string): readonly FieldCause[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const tooSmall = minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum);
  const tooBig = maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum);
  return [
    ...(tooSmall
      ? [invalid(path, value, `${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`)]
      : []),
    ...(tooBig ? [invalid(path, value, `${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`)] : []),
    ...(multipleOf !== undefined && !Number.isInteger(value / multipleOf)
      ? [invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`)]
      : []),
  ];
}

function listCauses(value: readonly unknown[], schema: JsonSchema, path: string, before: unknown): readonly FieldCause[] {
  const { items, minItems, maxItems, uniqueItems } = schema;
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string => JSON.stringify(kind === 'map' && isObject(item) ? keys.map((key) => item[key]) : item);
  const seen = new Map<string, unknown>((Array.isArray(before) ? (before as readonly unknown[]) : []).map((item) => [keyOf(item), item]));
  const isKeyed = kind === 'map' || kind === 'set' || uniqueItems === true;
  const all = value.map(keyOf);
  return [
    ...(minItems !== undefined && value.length < minItems
      ? [invalid(path, value.length, `${path} in body should have at least ${minItems} items`)]
      : []),
    ...(maxItems !== undefined && value.length > maxItems
      ? [{ reason: 'FieldValueTooMany', field: path, message: `Too many: ${value.length}: must have at most ${maxItems} items` }]
      : []),
    ...(isKeyed
      ? value.flatMap((item, index) =>
          all.indexOf(all[index] ?? '') === index
            ? []
            : [
                {
                  reason: 'FieldValueDuplicate',
                  field: `${path}[${index}]`,
                  message: `Duplicate value: ${JSON.stringify(printed(item, kind, keys))}`,
                },
              ],
        )
      : []),
    ...(items
      ? value.flatMap((item, index) => validateValue(item, items, `${path}[${index}]`, kind === 'map' ? seen.get(keyOf(item)) : undefined))
      : []),
  ];
}

const printed = (item: unknown, kind: string | undefined, keys: readonly string[]): unknown =>
  kind === 'map' && isObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;

function objectCauses(value: Readonly<Record<string, unknown>>, schema: JsonSchema, path: string, before: unknown): readonly FieldCause[] {
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema;
  const old = isObject(before) ? before : {};
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const size = Object.keys(value).length;
  return [
    ...(schema.required ?? []).filter((name) => value[name] === undefined).map((name) => required(at(name))),
    ...(minProperties !== undefined && size < minProperties
      ? [invalid(path, value, `${path} in body should have at least ${minProperties} properties`)]
      : []),
    ...(maxProperties !== undefined && size > maxProperties
      ? [{ reason: 'FieldValueTooMany', field: path, message: `Too many: ${size}: must have at most ${maxProperties} items` }]
      : []),
    ...Object.entries(value).flatMap(([name, child]) => {
      const inner = properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      return inner && child !== undefined ? validateValue(child, inner, at(name), old[name]) : [];
    }),
  ];
}

function combinedCauses(value: unknown, schema: JsonSchema, path: string): readonly FieldCause[] {
  const holds = (inner: JsonSchema): boolean => validateValue(value, inner, path).length === 0;
  const { allOf = [], anyOf, oneOf, not } = schema;
  const failed = (text: string): FieldCause => invalid(path, nameOf(value) === 'object' ? '' : value, `${path || '<nil>'} in body ${text}`);
  return [
    ...allOf.flatMap((inner) => validateValue(value, inner, path)),
    ...(anyOf && !anyOf.some(holds) ? [failed('must validate at least one schema (anyOf)')] : []),
    ...(oneOf && oneOf.filter(holds).length !== 1 ? [failed('must validate one and only one schema (oneOf)')] : []),
    ...(not && holds(not) ? [failed('must not validate the schema (not)')] : []),
  ];
}
