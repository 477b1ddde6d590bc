import { createHash } from 'node:crypto';
import { schemas } from '../../../api/kubernetes/schema-table.ts';
import type { Field, Schema } from '../../../api/kubernetes/schema.ts';
import { groupVersions } from '../discovery/discovery.ts';
import type { Catalog } from '../catalog.ts';
import type { Resource } from '../resources.ts';
import { customSchema } from './custom-schema.ts';
import { descriptionOf } from './descriptions.ts';

/**
 * OpenAPI v3, one document per group version, made from the schema facts. kubectl decides by the *paths*: a PATCH needs
 * its GVK, the parameter `fieldValidation` and a strategic-merge-patch body, or kubectl falls back to OpenAPI v2.
 */
export function openapiDocument(catalog: Catalog, group: string, version: string): object | undefined {
  const own = catalog.all.filter((one) => one.group === group && one.version === version);
  if (own.length === 0) return undefined;
  const needed = reachable([
    ...own.filter((one) => !one.custom).map((one) => one.schema),
    'apimachinery.pkg.apis.meta.v1.ObjectMeta',
    'apimachinery.pkg.apis.meta.v1.ListMeta',
    'apimachinery.pkg.apis.meta.v1.Patch',
    'apimachinery.pkg.apis.meta.v1.DeleteOptions',
  ]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.35.0' },
    paths: Object.fromEntries(own.flatMap(pathsOf)),
    components: {
      schemas: {
        ...Object.fromEntries(needed.map((name) => [`io.k8s.${name}`, schemaObject(name, schemas[name] ?? {})])),
        ...Object.fromEntries(own.flatMap((one) => (one.custom ? [[one.schema, customSchema(one, one.custom.jsonSchema)] as const] : []))),
      },
    },
  };
}

/** `/openapi/v3`: where each document is; the hash lets clients cache it for good. */
export function openapiIndex(catalog: Catalog, remote: Readonly<Record<string, string>> = {}): object {
  const paths = groupVersions(catalog).flatMap(({ group, version }) => {
    const text = openapiText(catalog, group, version);
    if (text === undefined) return [];
    const path = group === '' ? `api/${version}` : `apis/${group}/${version}`;
    return [[path, { serverRelativeURL: `/openapi/v3/${path}?hash=${text.hash}` }] as const];
  });
  const others = Object.entries(remote).map(([path, serverRelativeURL]) => [path, { serverRelativeURL }] as const);
  return { paths: Object.fromEntries([...paths, ...others]) };
}

interface Text {
  readonly body: Buffer;
  readonly hash: string;
}

const caches = new WeakMap<Catalog, { readonly generation: number; readonly texts: Map<string, Text> }>();

/** Documents that were made already; none after the resources changed. */
function cacheOf(catalog: Catalog): Map<string, Text> {
  const known = caches.get(catalog);
  if (known?.generation === catalog.generation) return known.texts;
  const texts = new Map<string, Text>();
  caches.set(catalog, { generation: catalog.generation, texts });
  return texts;
}

/** The document as it is sent; made once. */
export function openapiText(catalog: Catalog, group: string, version: string): Text | undefined {
  const cache = cacheOf(catalog);
  const key = `${group}/${version}`;
  const known = cache.get(key);
  const document = known ? undefined : openapiDocument(catalog, group, version);
  if (!document) return known;
  const body = Buffer.from(JSON.stringify(document));
  const made = { body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
  cache.set(key, made);
  return made;
}

function reachable(roots: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const schema = schemas[name];
    if (found.has(name) || !schema) continue;
    found.add(name);
    queue.push(...refsOf(schema), ...Object.values(schema.fields ?? {}).flatMap(refsOf));
  }
  return [...found].toSorted();
}

function refsOf(field: Field): readonly string[] {
  return [
    ...(field.ref === undefined ? [] : [field.ref]),
    ...(field.items ? refsOf(field.items) : []),
    ...(field.values ? refsOf(field.values) : []),
  ];
}

export function schemaObject(name: string, schema: Schema): object {
  const own = descriptionOf(name);
  const described = (field: string, value: Field): object => {
    const description = descriptionOf(`${name}.${field}`);
    return { ...(description !== undefined && { description }), ...fieldObject(value) };
  };
  return {
    ...(own !== undefined && { description: own }),
    ...fieldObject(schema),
    ...(schema.fields
      ? { properties: Object.fromEntries(Object.entries(schema.fields).map(([field, value]) => [field, described(field, value)])) }
      : {}),
    ...(schema.required ? { required: schema.required } : {}),
    ...(schema.gvk ? { 'x-kubernetes-group-version-kind': [schema.gvk] } : {}),
  };
}

function fieldObject(field: Field): object {
  if (field.type === 'quantity') return { oneOf: [{ type: 'string' }, { type: 'number' }] };
  if (field.type === 'intOrString') return { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
  return {
    ...(field.type === undefined ? {} : { type: field.type }),
    ...(field.format === undefined ? {} : { format: field.format }),
    ...(field.ref === undefined ? {} : { allOf: [{ $ref: `#/components/schemas/io.k8s.${field.ref}` }] }),
    ...(field.items ? { items: fieldObject(field.items) } : {}),
    ...(field.values ? { additionalProperties: fieldObject(field.values) } : {}),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.mergeKey ? { 'x-kubernetes-patch-merge-key': field.mergeKey } : {}),
    ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
    ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
    ...(field.listMapKeys ? { 'x-kubernetes-list-map-keys': field.listMapKeys } : {}),
    ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
  };
}

const builtInPatchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** The paths of one resource with their operations. */
export function pathsOf(one: Resource): readonly (readonly [string, object])[] {
  const root = one.group === '' ? `/api/${one.version}` : `/apis/${one.group}/${one.version}`;
  const scope = one.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${scope}/${one.resource}`;
  const ref = { $ref: `#/components/schemas/${one.custom ? '' : 'io.k8s.'}${one.schema}` };
  const body = { content: { '*/*': { schema: ref } }, required: true };
  const patch = { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch' };
  const patchBody = {
    content: Object.fromEntries((one.custom ? builtInPatchTypes.slice(0, 3) : builtInPatchTypes).map((type) => [type, { schema: patch }])),
    required: true,
  };
  const operation = (action: string, parameters: readonly string[], requestBody?: object): object => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: one.group, kind: one.kind, version: one.version },
    parameters: parameters.map((name) => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
    })),
    ...(requestBody ? { requestBody } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: ref } } } },
  });
  const write = ['dryRun', 'fieldManager', 'fieldValidation'];
  const item = {
    get: operation('get', []),
    put: operation('put', write, body),
    patch: operation('patch', [...write, 'force'], patchBody),
    delete: operation('delete', ['dryRun', 'gracePeriodSeconds', 'propagationPolicy']),
  };
  const status = {
    get: operation('get', []),
    put: operation('put', write, body),
    patch: operation('patch', [...write, 'force'], patchBody),
  };
  return [
    [
      collection,
      { get: operation('list', ['labelSelector', 'fieldSelector', 'limit', 'continue', 'watch']), post: operation('post', write, body) },
    ],
    [`${collection}/{name}`, item],
    ...(one.hasStatus ? [[`${collection}/{name}/status`, status] as const] : []),
  ];
}
