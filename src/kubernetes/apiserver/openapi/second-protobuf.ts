import { arrayOf, isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';

/**
 * OpenAPI v2 documents as protobuf, which client-go asks for: gnostic's messages, whose fields follow the JSON closely.
 * https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 *
 *   Document  { 1 swagger  2 Info { 1 title  2 version }  8 Paths { 2 NamedPathItem … }  9 Definitions { 1 NamedSchema … } }
 *   Named…    { 1 name  2 value }
 *   Any       { 2 YAML text }                                                        JSON is YAML
 */
type Kind = 'text' | 'texts' | 'flag' | 'whole' | 'real' | 'any' | 'anys' | ((value: unknown) => Buffer);
type Fields = Readonly<Record<string, readonly [number: number, kind: Kind]>>;

const schemaFields: Fields = {
  $ref: [1, 'text'],
  format: [2, 'text'],
  title: [3, 'text'],
  description: [4, 'text'],
  default: [5, 'any'],
  multipleOf: [6, 'real'],
  maximum: [7, 'real'],
  exclusiveMaximum: [8, 'flag'],
  minimum: [9, 'real'],
  exclusiveMinimum: [10, 'flag'],
  maxLength: [11, 'whole'],
  minLength: [12, 'whole'],
  pattern: [13, 'text'],
  maxItems: [14, 'whole'],
  minItems: [15, 'whole'],
  uniqueItems: [16, 'flag'],
  maxProperties: [17, 'whole'],
  minProperties: [18, 'whole'],
  required: [19, 'texts'],
  enum: [20, 'anys'],
  additionalProperties: [21, (value) => (isObject(value) ? bytes(1, schemaBytes(value)) : varint(2, value === true ? 1 : 0))],
  type: [22, (value) => text(1, textOf(value))],
  items: [23, (value) => bytes(1, schemaBytes(objectOf(value)))],
  properties: [25, (value) => named(1, objectOf(value), schemaBytes)],
};

const operationFields: Fields = {
  description: [3, 'text'],
  operationId: [5, 'text'],
  produces: [6, 'texts'],
  consumes: [7, 'texts'],
  responses: [9, (value) => named(1, objectOf(value), (one) => bytes(1, message(one, responseFields)))],
};

const responseFields: Fields = { description: [1, 'text'], schema: [2, (value) => bytes(1, schemaBytes(objectOf(value)))] };
const bodyFields: Fields = {
  description: [1, 'text'],
  name: [2, 'text'],
  in: [3, 'text'],
  required: [4, 'flag'],
  schema: [5, (value) => schemaBytes(objectOf(value))],
};
const parameterFields: Fields = { required: [1, 'flag'], in: [2, 'text'], description: [3, 'text'], name: [4, 'text'] };
const queryFields: Fields = { ...parameterFields, type: [6, 'text'], uniqueItems: [20, 'flag'] };
const pathFields: Fields = { ...parameterFields, type: [5, 'text'], uniqueItems: [19, 'flag'] };
const methods = { get: 2, put: 3, post: 4, delete: 5, options: 6, head: 7, patch: 8 } as const;

export function definitionBytes(name: string, schema: JsonObject): Buffer {
  return bytes(1, Buffer.concat([text(1, name), bytes(2, schemaBytes(schema))]));
}

export function pathBytes(path: string, item: JsonObject): Buffer {
  const operations = Object.entries(methods).flatMap(([method, number]) =>
    item[method] === undefined ? [] : [bytes(number, operationBytes(objectOf(item[method])))],
  );
  const all = Buffer.concat([...operations, ...parameters(9, item['parameters'])]);
  return bytes(2, Buffer.concat([text(1, path), bytes(2, all)]));
}

export function documentBytes(
  info: { readonly title: string; readonly version: string },
  paths: readonly Buffer[],
  definitions: readonly Buffer[],
): Buffer {
  const about = Buffer.concat([text(1, info.title), text(2, info.version)]);
  return Buffer.concat([text(1, '2.0'), bytes(2, about), bytes(8, Buffer.concat(paths)), bytes(9, Buffer.concat(definitions))]);
}

function schemaBytes(schema: JsonObject): Buffer {
  return Buffer.concat([message(schema, schemaFields), extensions(31, schema)]);
}

function operationBytes(operation: JsonObject): Buffer {
  return Buffer.concat([message(operation, operationFields), ...parameters(8, operation['parameters']), extensions(13, operation)]);
}

function parameters(number: number, all: unknown): readonly Buffer[] {
  return objectsOf(arrayOf(all)).map((one) => bytes(number, bytes(1, parameterBytes(one))));
}

function parameterBytes(one: JsonObject): Buffer {
  if (one['in'] === 'body') return bytes(1, message(one, bodyFields));
  const isPath = one['in'] === 'path';
  return bytes(2, bytes(isPath ? 4 : 3, message(one, isPath ? pathFields : queryFields)));
}

function message(object: JsonObject, fields: Fields): Buffer {
  return Buffer.concat(
    Object.entries(object).flatMap(([name, value]) => {
      const [number, kind] = fields[name] ?? [0, 'any'];
      return number === 0 || value === undefined ? [] : encode(number, kind, value);
    }),
  );
}

function encode(number: number, kind: Kind, value: unknown): readonly Buffer[] {
  if (typeof kind === 'function') return [bytes(number, kind(value))];
  switch (kind) {
    case 'text':
      return [text(number, textOf(value))];
    case 'texts':
      return arrayOf(value).map((one) => text(number, textOf(one)));
    case 'flag':
      return value === true ? [varint(number, 1)] : [];
    case 'whole':
      return [varint(number, Number(value))];
    case 'real':
      return [real(number, Number(value))];
    case 'any':
      return [bytes(number, any(value))];
    case 'anys':
      return arrayOf(value).map((one) => bytes(number, any(one)));
  }
}

function extensions(number: number, object: JsonObject): Buffer {
  const found = Object.fromEntries(Object.entries(object).filter(([name]) => name.startsWith('x-')));
  return Buffer.concat(Object.entries(found).map(([name, value]) => bytes(number, Buffer.concat([text(1, name), bytes(2, any(value))]))));
}

function named(number: number, object: JsonObject, encodeValue: (value: JsonObject) => Buffer): Buffer {
  const entries = Object.entries(object).map(([name, value]) => Buffer.concat([text(1, name), bytes(2, encodeValue(objectOf(value)))]));
  return Buffer.concat(entries.map((entry) => bytes(number, entry)));
}

const any = (value: unknown): Buffer => text(2, JSON.stringify(value));
const text = (number: number, value: string): Buffer => bytes(number, Buffer.from(value, 'utf8'));
const bytes = (number: number, value: Buffer): Buffer => Buffer.concat([varintOf(number * 8 + 2), varintOf(value.length), value]);
const varint = (number: number, value: number): Buffer => Buffer.concat([varintOf(number * 8), varintOf(value)]);

function real(number: number, value: number): Buffer {
  const eight = Buffer.alloc(8);
  eight.writeDoubleLE(value);
  return Buffer.concat([varintOf(number * 8 + 1), eight]);
}

function varintOf(value: number): Buffer {
  const found: number[] = [];
  let rest = value;
  while (rest >= 128) {
    found.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...found, rest]);
}
