import { arrayOf, isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import { secondSchema } from './second-schema.ts';

const json = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** A path with its operations, in the words of OpenAPI v2: bodies are parameters, and types of a parameter are its own. */
export function secondPath(path: string, item: JsonObject): JsonObject {
  const operations = Object.entries(item).map(([method, operation]) => [method, operationOf(objectOf(operation))] as const);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    type: 'string',
    uniqueItems: true,
  }));
  return { ...Object.fromEntries(operations), ...(inPath.length > 0 && { parameters: inPath }) };
}

function operationOf(operation: JsonObject): JsonObject {
  const { parameters, requestBody, responses, ...extensions } = operation;
  const content = objectOf(objectOf(requestBody)['content']);
  const [schema] = Object.values(content).map((one) => objectOf(objectOf(one)['schema']));
  const inQuery = objectsOf(arrayOf(parameters)).map((one) => ({
    name: one['name'],
    in: 'query',
    type: textOf(objectOf(one['schema'])['type']) || 'string',
    uniqueItems: true,
  }));
  return {
    ...extensions,
    consumes: schema ? Object.keys(content) : ['*/*'],
    produces: json,
    parameters: [...(schema ? [{ name: 'body', in: 'body', required: true, schema: secondSchema(schema) }] : []), ...inQuery],
    responses: Object.fromEntries(Object.entries(objectOf(responses)).map(([code, response]) => [code, responseOf(objectOf(response))])),
  };
}

function responseOf({ description, content }: JsonObject): JsonObject {
  const [only] = Object.values(objectOf(content));
  const schema = objectOf(only)['schema'];
  return { description, ...(isObject(schema) && { schema: secondSchema(schema) }) };
}
