import { isObject, objectOf, textOf, type JsonObject } from '../json.ts';

/** What OpenAPI v2 can say of a schema; what else a v3 schema has is left out. */
const kept = new Set([
  'description',
  'type',
  'format',
  'title',
  'default',
  'enum',
  'required',
  'pattern',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'x-kubernetes-group-version-kind',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-int-or-string',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-preserve-unknown-fields',
]);

/**
 * A schema of OpenAPI v3 in the words of v2. Where v2 has none it says less, never something wrong:
 *
 *   allOf: [$ref] ─► $ref          oneOf: string or integer ─► string, int-or-string          nullable, anything ─► no type
 */
export function secondSchema(schema: JsonObject): JsonObject {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) if (kept.has(name)) result[name] = value;
  const [first] = Array.isArray(schema['allOf']) ? (schema['allOf'] as unknown[]) : [];
  const ref = textOf(schema['$ref']) || (isObject(first) ? textOf(first['$ref']) : '');
  if (ref !== '') return { ...result, $ref: ref.replace('#/components/schemas/', '#/definitions/') };
  if (schema['format'] === 'int-or-string') return { ...result, type: 'string' };
  if (schema['x-kubernetes-int-or-string'] === true) return withoutType(result);
  // A Quantity: it is written as a string.
  if (schema['oneOf'] !== undefined && schema['type'] === undefined && schema['properties'] === undefined)
    return { ...result, type: 'string' };
  if (schema['nullable'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true) return withoutType(result);
  const { properties, items, additionalProperties } = schema;
  return {
    ...result,
    ...(isObject(properties) && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, secondSchema(objectOf(value))])),
    }),
    ...(isObject(items) && { items: secondSchema(items) }),
    ...(isObject(additionalProperties) && { additionalProperties: secondSchema(additionalProperties) }),
    ...(additionalProperties === true && { additionalProperties: {} }),
  };
}

function withoutType({ type: _type, required: _required, ...rest }: JsonObject): JsonObject {
  return rest;
}
