import table from './schema.generated.json' with { type: 'json' };
import type { Field, Schema } from './schema.ts';

/** Every known type by its short OpenAPI name, e.g. `api.core.v1.Pod`. */
export const schemas = table as unknown as Readonly<Record<string, Schema>>;

const byGvk = new Map(
  Object.entries(schemas).flatMap(([name, { gvk }]) => (gvk ? [[`${gvk.group}/${gvk.version}/${gvk.kind}`, name] as const] : [])),
);

export function schemaName(group: string, version: string, kind: string): string | undefined {
  return byGvk.get(`${group}/${version}/${kind}`);
}

/** The type of that name; the table has every type that a row of it names. */
export function schemaOf(name: string): Schema {
  const schema = schemas[name];
  if (!schema) throw new Error(`no schema ${name}`);
  return schema;
}

/** The type behind a field: its own facts, or those of what it refers to. */
export function resolveField(field: Field): Schema {
  const target = field.ref === undefined ? undefined : schemas[field.ref];
  return target ? { ...target, ...withoutUndefined(field) } : field;
}

function withoutUndefined(field: Field): Field {
  const { ref: _ref, type, ...facts } = field;
  return type === undefined ? facts : { ...facts, type };
}

/** The schema of a named field, or of a map's value; undefined for free-form content. */
export function childOf(schema: Schema, name: string): Schema | undefined {
  const field = schema.fields?.[name] ?? schema.values;
  return field && resolveField(field);
}
