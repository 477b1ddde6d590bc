type Schema = Readonly<Record<string, unknown>>;

/** Paths of all fields of a body, as in `HostConfig.Mounts[].BindOptions.Propagation`, `HostConfig.Sysctls{}`. */
export function leavesOf(definitions: Readonly<Record<string, Schema>>, name: string, path: string): readonly string[] {
  return [...walk(definitions, { $ref: `#/definitions/${name}` }, path)];
}

function* walk(definitions: Readonly<Record<string, Schema>>, given: Schema, path: string): Generator<string> {
  const schema = resolved(definitions, given);
  const fields = Object.entries(propertiesOf(definitions, schema));
  if (fields.length > 0) {
    for (const [name, field] of fields) yield* walk(definitions, field, `${path}.${name}`);
  } else if (schema['type'] === 'array' && schema['items']) {
    yield* walk(definitions, schema['items'] as Schema, `${path}[]`);
  } else if (typeof schema['additionalProperties'] === 'object') {
    yield* walk(definitions, schema['additionalProperties'] as Schema, `${path}{}`);
  } else {
    yield path;
  }
}

function resolved(definitions: Readonly<Record<string, Schema>>, schema: Schema): Schema {
  // A nullable one is wrapped (see DockerReference).
  const { $ref: reference, else: wrapped } = schema as { readonly $ref?: string; readonly else?: Schema };
  if (wrapped) return resolved(definitions, wrapped);
  if (reference === undefined) return schema;
  return resolved(definitions, definitions[reference.slice(reference.lastIndexOf('/') + 1)] ?? {});
}

function propertiesOf(definitions: Readonly<Record<string, Schema>>, schema: Schema): Readonly<Record<string, Schema>> {
  const inherited = ((schema['allOf'] ?? []) as readonly Schema[]).map((part) => propertiesOf(definitions, resolved(definitions, part)));
  return Object.assign({}, ...inherited, schema['properties']) as Readonly<Record<string, Schema>>;
}

/** Whether a sample has a value at a path. */
export function holds(sample: unknown, path: string): boolean {
  const steps = path.match(/[^.[\]{}]+|\[\]|\{\}/g) ?? [];
  return steps.reduce<readonly unknown[]>((values, step) => values.flatMap((value) => below(value, step)), [sample]).length > 0;
}

function below(value: unknown, step: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (step === '[]' || step === '{}') return Object.values(value);
  const field = (value as Readonly<Record<string, unknown>>)[step];
  return field === undefined ? [] : [field];
}
