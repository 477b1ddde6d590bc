/**
 * Writes what davit knows about Kubernetes' types from the genuine OpenAPI v3 documents:
 *   src/api/kubernetes/schema.generated.json   facts: fields, types, required, defaults, merge keys, list types
 *   src/api/kubernetes/types.generated.ts      the same as TypeScript interfaces
 * Texts (descriptions) are left out. `--check` fails when the files on disk differ.
 *
 *   node tools/generate-kubernetes.ts [--check] [--reference ../shared/reference/openapi-v3-1.35]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { Field, Schema } from '../src/api/kubernetes/schema.ts';

/** The documents whose kinds davit knows, all of them. Everything they refer to comes along. */
const documents: readonly string[] = [
  'api_v1',
  'apis_admissionregistration.k8s.io_v1',
  'apis_apiextensions.k8s.io_v1',
  'apis_apiregistration.k8s.io_v1',
  'apis_apps_v1',
  'apis_authentication.k8s.io_v1',
  'apis_authorization.k8s.io_v1',
  'apis_autoscaling_v1',
  'apis_autoscaling_v2',
  'apis_batch_v1',
  'apis_certificates.k8s.io_v1',
  'apis_coordination.k8s.io_v1',
  'apis_discovery.k8s.io_v1',
  'apis_events.k8s.io_v1',
  'apis_networking.k8s.io_v1',
  'apis_node.k8s.io_v1',
  'apis_policy_v1',
  'apis_rbac.authorization.k8s.io_v1',
  'apis_scheduling.k8s.io_v1',
  'apis_storage.k8s.io_v1',
];
const always = [
  'Scale',
  'Eviction',
  'TokenRequest',
  'Status',
  'DeleteOptions',
  'APIResourceList',
  'APIGroupList',
  'APIVersions',
  'WatchEvent',
  'Patch',
];

interface RawSchema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly allOf?: readonly RawSchema[];
  readonly oneOf?: readonly RawSchema[];
  readonly items?: RawSchema;
  readonly additionalProperties?: RawSchema;
  readonly properties?: Readonly<Record<string, RawSchema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-list-type'?: Field['listType'];
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
}

const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    reference: { type: 'string', default: '../shared/reference/openapi-v3-1.35' },
  },
});

const shortName = (name: string): string => name.replace(/^.*\/schemas\//, '').replace(/^io\.k8s\./, '');

function fieldOf(raw: RawSchema): Field {
  const ref = raw.$ref ?? raw.allOf?.[0]?.$ref;
  const isEmptyDefault = raw.default !== undefined && JSON.stringify(raw.default) === '{}';
  return prune({
    type: raw.oneOf ? (raw.oneOf.some((one) => one.type === 'integer') ? 'intOrString' : 'quantity') : raw.type,
    format: raw.format,
    ref: ref === undefined ? undefined : shortName(ref),
    items: raw.items && fieldOf(raw.items),
    values: raw.additionalProperties && fieldOf(raw.additionalProperties),
    default: isEmptyDefault || raw.default === '' ? undefined : raw.default,
    enum: raw.enum,
    mergeKey: raw['x-kubernetes-patch-merge-key'],
    patchStrategy: raw['x-kubernetes-patch-strategy'],
    listType: raw['x-kubernetes-list-type'],
    listMapKeys: raw['x-kubernetes-list-map-keys'],
    mapType: raw['x-kubernetes-map-type'],
  }) as Field;
}

function schemaOf(raw: RawSchema, group: string, version: string): Schema {
  const gvks = raw['x-kubernetes-group-version-kind'];
  const own = gvks?.filter((gvk) => gvks.length === 1 || (gvk.group === group && gvk.version === version));
  return prune({
    ...fieldOf(raw),
    fields: raw.properties && Object.fromEntries(Object.entries(raw.properties).map(([name, field]) => [name, fieldOf(field)])),
    required: raw.required,
    gvk: own?.[0],
  }) as Schema;
}

function prune(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function refsOf(schema: Schema | Field): string[] {
  const parts: (Field | undefined)[] = [schema.items, schema.values, ...Object.values('fields' in schema ? (schema.fields ?? {}) : {})];
  return [...(schema.ref ? [schema.ref] : []), ...parts.flatMap((part) => (part ? refsOf(part) : []))];
}

function collect(): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  for (const file of documents) {
    const text = gunzipSync(readFileSync(`${options.reference}/${file}.json.gz`)).toString();
    const raw = (JSON.parse(text) as { components: { schemas: Record<string, RawSchema> } }).components.schemas;
    const [group = '', version = ''] = file.startsWith('api_') ? ['', 'v1'] : file.replace('apis_', '').split('_');
    const roots = Object.keys(raw).filter((name) => {
      const gvk = raw[name]?.['x-kubernetes-group-version-kind'];
      const isWanted = gvk?.some((one) => one.group === group && one.version === version);
      return isWanted === true || always.includes(name.split('.').at(-1) ?? '');
    });
    const queue = roots.map(shortName);
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const source = raw[`io.k8s.${name}`];
      if (found[name] || !source) continue;
      found[name] = schemaOf(source, group, version);
      queue.push(...refsOf(found[name] as Schema));
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `api.core.v1.Pod` → `Pod`; the few names that two groups share get the group in front: `EventsEvent`. */
function typeNames(schemas: Record<string, Schema>): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const core = (name: string): number => (name.startsWith('api.core.') || name.includes('.meta.v1.') ? 0 : 1);
  for (const name of Object.keys(schemas).toSorted((a, b) => core(a) - core(b) || (a < b ? -1 : 1))) {
    const parts = name.split('.');
    const short = parts.at(-1) ?? name;
    const group = parts.at(-3) ?? '';
    const unique = taken.has(short) ? group[0]?.toUpperCase() + group.slice(1) + short : short;
    taken.add(unique);
    names.set(name, unique);
  }
  return names;
}

function typeOf(field: Field, names: Map<string, string>): string {
  if (field.enum) return field.enum.map((value) => `'${value}'`).join(' | ');
  if (field.ref) return names.get(field.ref) ?? 'unknown';
  if (field.type === 'array') return `readonly ${bracket(typeOf(field.items ?? {}, names))}[]`;
  if (field.type === 'object')
    return field.values ? `Readonly<Record<string, ${typeOf(field.values, names)}>>` : 'Readonly<Record<string, unknown>>';
  if (field.type === 'intOrString' || field.type === 'quantity') return 'string | number';
  if (field.type === 'integer' || field.type === 'number') return 'number';
  if (field.type === 'string' || field.type === 'boolean') return field.type;
  return 'unknown';
}

const bracket = (type: string): string => (type.includes('|') || type.startsWith('readonly ') ? `(${type})` : type);

function types(schemas: Record<string, Schema>): string {
  const names = typeNames(schemas);
  const lines = ['// Generated by tools/generate-kubernetes.ts from Kubernetes 1.35 OpenAPI v3. Do not edit.', ''];
  for (const [name, schema] of Object.entries(schemas)) {
    const own = names.get(name);
    if (!schema.fields) {
      lines.push(`/** \`io.k8s.${name}\` */`, `export type ${own} = ${typeOf(schema, names)};`, '');
      continue;
    }
    lines.push(`/** \`io.k8s.${name}\` */`, `export interface ${own} {`);
    for (const [field, value] of Object.entries(schema.fields)) {
      const isMeta = field === 'metadata' && schema.gvk && value.ref?.endsWith('ObjectMeta');
      const isGvk = schema.gvk && (field === 'apiVersion' || field === 'kind');
      const required = schema.required?.includes(field) || isMeta || isGvk ? '' : '?';
      const key = /^[A-Za-z_]\w*$/.test(field) ? field : `'${field}'`;
      lines.push(`  readonly ${key}${required}: ${typeOf(value, names)};`);
    }
    lines.push('}', '');
  }
  return lines.join('\n');
}

function json(schemas: Record<string, Schema>): string {
  const rows = Object.entries(schemas).map(([name, schema]) => `${JSON.stringify(name)}: ${JSON.stringify(schema)}`);
  return `{\n${rows.join(',\n')}\n}\n`;
}

if (!existsSync(options.reference)) {
  console.log(`skip: ${options.reference} is not here, nothing to generate from`);
} else {
  const schemas = collect();
  const outputs = { 'schema.generated.json': json(schemas), 'types.generated.ts': types(schemas) };
  for (const [file, text] of Object.entries(outputs)) {
    const path = new URL(`../src/api/kubernetes/${file}`, import.meta.url);
    const isSame = existsSync(path) && readFileSync(path, 'utf8') === text;
    if (options.check && !isSame) {
      console.error(`${path.pathname} is stale: run \`npm run generate\``);
      process.exitCode = 1;
    }
    if (!options.check && !isSame) writeFileSync(path, text);
  }
  console.log(`${Object.keys(schemas).length} schemas`);
}
