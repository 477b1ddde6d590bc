import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { schemas } from '../../../api/kubernetes/schema-table.ts';
import type { Catalog } from '../catalog.ts';
import { objectOf, type JsonObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { customSchema } from './custom-schema.ts';
import { pathsOf, schemaObject } from './document.ts';
import { secondPath } from './second-paths.ts';
import { definitionBytes, documentBytes, pathBytes } from './second-protobuf.ts';
import { secondSchema } from './second-schema.ts';

/** A path or a definition in both forms. */
interface Part {
  readonly json: string;
  readonly protobuf: Buffer;
}

/** What another server adds: its own paths and definitions, as it wrote them. */
export interface SecondDocument {
  readonly paths: JsonObject;
  readonly definitions: JsonObject;
}

export interface Encoded {
  readonly body: Buffer;
  readonly zipped: Buffer;
  readonly etag: string;
}

export interface SecondTexts {
  readonly json: Encoded;
  readonly protobuf: Encoded;
}

const info = { title: 'Kubernetes', version: 'v1.35.0' };
const builtIn = new Map<string, Part>();
const ofResource = new WeakMap<Resource, readonly Part[]>();

const definition = (name: string, schema: JsonObject): Part => ({
  json: `${JSON.stringify(name)}:${JSON.stringify(schema)}`,
  protobuf: definitionBytes(name, schema),
});
const path = (name: string, item: JsonObject): Part => ({
  json: `${JSON.stringify(name)}:${JSON.stringify(item)}`,
  protobuf: pathBytes(name, item),
});

function builtInPart(name: string): Part {
  const known = builtIn.get(name) ?? definition(`io.k8s.${name}`, secondSchema(schemaObject(name, schemas[name] ?? {}) as JsonObject));
  builtIn.set(name, known);
  return known;
}

function pathParts(one: Resource): readonly Part[] {
  const known = ofResource.get(one) ?? pathsOf(one).map(([name, item]) => path(name, secondPath(name, objectOf(item))));
  ofResource.set(one, known);
  return known;
}

/**
 * The whole of OpenAPI v2 in one document, as JSON and as protobuf. Parts are made once, a few at a time between which the server
 * answers others; a definition that comes or goes costs its own parts and the putting together.
 */
export async function secondTexts(catalog: Catalog, others: readonly SecondDocument[]): Promise<SecondTexts> {
  const paths: Part[] = [];
  const definitions = new Map<string, Part>();
  const making: (() => void)[] = [
    ...Object.keys(schemas).map((name) => () => void definitions.set(`io.k8s.${name}`, builtInPart(name))),
    ...catalog.all.map((one) => () => {
      paths.push(...pathParts(one));
      const { custom } = one;
      if (custom) definitions.set(one.schema, definition(one.schema, secondSchema(customSchema(one, custom.jsonSchema) as JsonObject)));
    }),
    ...others.flatMap((other) => [
      ...Object.entries(other.paths).map(
        ([name, item]) =>
          () =>
            void paths.push(path(name, objectOf(item))),
      ),
      // Meta types that both have are ours.
      ...Object.entries(other.definitions).map(([name, schema]) => () => {
        if (!definitions.has(name)) definitions.set(name, definition(name, objectOf(schema)));
      }),
    ]),
  ];
  for (const [index, make] of making.entries()) {
    make();
    if (index % 25 === 24) await new Promise((resolve) => setImmediate(resolve));
  }
  const all = [...definitions.values()];
  const jsonOf = (parts: readonly Part[]): string => parts.map((one) => one.json).join(',');
  const text = `{"swagger":"2.0","info":${JSON.stringify(info)},"paths":{${jsonOf(paths)}},"definitions":{${jsonOf(all)}}}`;
  const binary = documentBytes(
    info,
    paths.map((one) => one.protobuf),
    all.map((one) => one.protobuf),
  );
  return { json: await encoded(Buffer.from(text)), protobuf: await encoded(binary) };
}

async function encoded(body: Buffer): Promise<Encoded> {
  const zipped = await promisify(gzip)(body);
  return { body, zipped, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
}
