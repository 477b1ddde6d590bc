import type { FieldCause } from '../status.ts';
import { forbidden, invalid, required } from '../strategies/strategy.ts';
import type { JsonSchema } from './json-schema.ts';

const types = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

/**
 * Why a schema is not structural: every value must have a type, so that it can be pruned and defaulted.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralCauses(schema: JsonSchema, path: string, isRoot = false): readonly FieldCause[] {
  const { type, properties = {}, items, additionalProperties } = schema;
  const isFree = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return [
    ...(type === undefined && !isFree ? [required(`${path}.type`, 'must not be empty for specified object fields')] : []),
    ...(type !== undefined && !types.has(type)
      ? [invalid(`${path}.type`, type, 'must be one of: array, boolean, integer, number, object, string')]
      : []),
    ...(isRoot && type !== undefined && type !== 'object' ? [invalid(`${path}.type`, type, 'must be object at the root')] : []),
    ...(type === 'array' && !items ? [required(`${path}.items`, 'must be specified')] : []),
    ...(Object.keys(properties).length > 0 && typeof additionalProperties === 'object'
      ? [forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive')]
      : []),
    ...(schema.uniqueItems === true
      ? [forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')]
      : []),
    ...(schema['x-kubernetes-list-type'] === 'map' && keys.length === 0
      ? [required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')]
      : []),
    ...badPattern(schema.pattern, path),
    ...Object.entries(properties).flatMap(([name, inner]) => structuralCauses(inner, `${path}.properties[${name}]`)),
    ...(items ? structuralCauses(items, `${path}.items`) : []),
    ...(typeof additionalProperties === 'object' ? structuralCauses(additionalProperties, `${path}.additionalProperties`) : []),
  ];
}

function badPattern(pattern: string | undefined, path: string): readonly FieldCause[] {
  if (pattern === undefined) return [];
  try {
    RegExp(pattern, 'u');
    return [];
  } catch {
    return [invalid(`${path}.pattern`, pattern, 'must be a valid regular expression, but isn’t')];
  }
}
