import { childOf, resolveField } from './schema-table.ts';
import type { Schema } from './schema.ts';

/** An object with only the fields that its type has, and what was wrong with it. */
export interface Decoded {
  readonly object: Record<string, unknown>;
  /** `unknown field "spec.replicaz"`: dropped. */
  readonly unknown: readonly string[];
  /** `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`: refused. */
  readonly mismatches: readonly string[];
}

/** Checks the shape of an object against its type. As in Go's decoder null means absent, and in a list the zero value. */
export function decode(schema: Schema, source: unknown): Decoded {
  const unknown: string[] = [];
  const mismatches: string[] = [];
  const walk = (value: unknown, type: Schema, path: string, owner: string): unknown => {
    const mismatch = mismatchOf(value, type);
    if (mismatch) {
      mismatches.push(
        `json: cannot unmarshal ${jsonType(value)} into Go struct field ${owner}${path ? `.${path}` : ''} of type ${mismatch}`,
      );
      return undefined;
    }
    if (Array.isArray(value)) {
      const items = type.items && resolveField(type.items);
      return value.map((item, index) => (items ? (walk(item, items, `${path}[${index}]`, owner) ?? zeroOf(items)) : item));
    }
    if (typeof value !== 'object' || value === null) return value;
    if (!type.fields && !type.values) return value;
    const kept: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      const below = path === '' ? key : `${path}.${key}`;
      const childType = childOf(type, key);
      if (!childType) unknown.push(`unknown field "${below}"`);
      else if (child !== null) kept[key] = walk(child, childType, below, type.gvk?.kind ?? owner);
    }
    return kept;
  };
  const object = walk(source, schema, '', schema.gvk?.kind ?? 'Object') as Record<string, unknown>;
  return { object, unknown, mismatches };
}

/** What Go's decoder puts in a list where the document has null; null where the type is free. */
function zeroOf({ type }: Schema): unknown {
  switch (type) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
    case 'intOrString':
    case 'quantity':
      return 0;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return null;
  }
}

/** Undefined when the value fits; else the Go type that was wanted. */
function mismatchOf(value: unknown, type: Schema): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (type.type) {
    case 'string':
      return typeof value === 'string' ? undefined : 'string';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'bool';
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value) ? undefined : (type.format ?? 'int64');
    case 'number':
      return typeof value === 'number' ? undefined : 'float64';
    case 'array':
      return Array.isArray(value) ? undefined : 'slice';
    case 'object':
      return typeof value === 'object' && !Array.isArray(value) ? undefined : type.values ? 'map[string]string' : 'object';
    case 'intOrString':
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number' ? undefined : 'string';
    default:
      return undefined;
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
