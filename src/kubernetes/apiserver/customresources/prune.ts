import { decode } from '../../../api/kubernetes/decode.ts';
import { childOf, schemaOf } from '../../../api/kubernetes/schema-table.ts';
import type { Schema } from '../../../api/kubernetes/schema.ts';
import { isObject, type JsonObject } from '../json.ts';

export interface Pruned {
  readonly object: JsonObject;
  /** `unknown field "spec.foo"`: dropped. */
  readonly unknown: readonly string[];
  /** In the metadata only: all else is the schema's to judge. */
  readonly mismatches: readonly string[];
}

/** A custom resource with only the fields that its schema knows. */
export function prune(type: Schema, source: JsonObject): Pruned {
  const unknown: string[] = [];
  const walk = (value: unknown, schema: Schema, path: string): unknown => {
    if (Array.isArray(value)) {
      const { items } = schema;
      return items ? value.map((item, index) => walk(item, items, `${path}[${index}]`)) : value;
    }
    if (!isObject(value) || (!schema.fields && !schema.values)) return value;
    const kept: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      const below = path === '' ? key : `${path}.${key}`;
      const childType = childOf(schema, key);
      if (key === 'metadata' && (path === '' || schema.embedded)) kept[key] = child;
      else if (childType) {
        if (child !== null || childType.nullable || childType.default === undefined) kept[key] = walk(child, childType, below);
      } else if (schema.preservesUnknown) kept[key] = child;
      else unknown.push(`unknown field "${below}"`);
    }
    return kept;
  };
  const object = walk(source, type, '') as JsonObject;
  const metadata = decode(schemaOf('apimachinery.pkg.apis.meta.v1.ObjectMeta'), object['metadata'] ?? {});
  return {
    object: { ...object, metadata: metadata.object },
    unknown: [...unknown, ...metadata.unknown.map((one) => one.replace('unknown field "', 'unknown field "metadata.'))],
    mismatches: metadata.mismatches,
  };
}

/** The value with the schema's defaults where nothing is said. */
export function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => withDefaults(item, items)) : value;
  }
  if (!isObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(schema.fields ?? {})) {
    if (filled[name] === undefined && field.default !== undefined) filled[name] = structuredClone(field.default);
    if (filled[name] !== undefined) filled[name] = withDefaults(filled[name], field);
  }
  if (schema.values) {
    for (const [name, inner] of Object.entries(value)) if (!schema.fields?.[name]) filled[name] = withDefaults(inner, schema.values);
  }
  return filled;
}
