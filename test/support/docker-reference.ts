import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

type Json = Readonly<Record<string, unknown>>;

interface Reference {
  readonly definitions: Json;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses?: Readonly<Record<string, Json>> }>>>>;
}

const file = join(import.meta.dirname, '../../../shared/reference/docker-engine-api.swagger.yaml.gz');

/** Why answers cannot be checked here; false when they can. */
export const noReference = existsSync(file) ? false : `no ${file}`;

/** dockerd itself answers null here (Go's nil slices and maps), whatever the description says. */
const nullInDockerd =
  /\/(Binds|VolumesFrom|CapAdd|CapDrop|ExtraHosts|GroupAdd|Links|SecurityOpt|StorageOpt|MaskedPaths|ReadonlyPaths|DeviceCgroupRules|DeviceRequests|Cmd|Entrypoint|Volumes|OnBuild|Env|Labels|IPAMConfig|Aliases|DriverOpts|DNSNames|Options|Tags|Ports\/\S+|Warnings|Authorization|GenericResources|RemoteManagers|AllowNondistributable\w+|Mirrors|Data|MemorySwappiness|PidsLimit|SecondaryIP\w+|io_\w+|sectors_recursive|Containers|Images|BuildCache|VolumesDeleted|ContainersDeleted|ImagesDeleted|NetworksDeleted|CachesDeleted|ExecIDs)$/;

/** Answers against Docker's published API description: required fields, types, and null only where it is allowed. */
export class DockerReference {
  readonly #document: Reference;
  readonly #ajv = new Ajv({ strict: false, allErrors: true, verbose: true, validateFormats: false, logger: false });
  readonly #routes: readonly { readonly method: string; readonly pattern: RegExp; readonly responses: Readonly<Record<string, Json>> }[];
  readonly #validators = new Map<string, ValidateFunction>();

  private constructor(document: Reference) {
    this.#document = document;
    this.#ajv.addSchema({ $id: 'docker', definitions: document.definitions });
    this.#routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses = {} }]) => ({
        method: method.toUpperCase(),
        pattern: patternOf(path),
        responses,
      })),
    );
  }

  static load(): DockerReference {
    const document = parse(gunzipSync(readFileSync(file)).toString(), { strict: false, logLevel: 'silent' }) as object;
    return new DockerReference(withNulls(document) as Reference);
  }

  /** The description's types, as JSON schemas. */
  get definitions(): Readonly<Record<string, Json>> {
    return this.#document.definitions as Readonly<Record<string, Json>>;
  }

  /** What is wrong with a value that should be one of the description's types. */
  definitionProblems(name: string, value: unknown): readonly string[] {
    if (!(name in this.#document.definitions)) return [`there is no definition ${name}`];
    return this.#problems(name, { $ref: `docker#/definitions/${name}` }, value);
  }

  /** What is wrong with an answer; a streamed one is a list of values. `path` without version and query. */
  answerProblems(method: string, path: string, status: number, values: readonly unknown[]): readonly string[] {
    if (status >= 400) return values.flatMap((value) => this.definitionProblems('ErrorResponse', value));
    const route = this.#routes.find((each) => each.method === method && each.pattern.test(path));
    if (!route) return [`${method} ${path} is not in the description`];
    const schema = route.responses[String(status)]?.['schema'] as Json | undefined;
    if (!schema) return [];
    return values.flatMap((value) => this.#problems(`${method} ${route.pattern.source} ${status}`, schema, value));
  }

  #problems(key: string, schema: Json, value: unknown): readonly string[] {
    const known = this.#validators.get(key) ?? this.#ajv.compile(pointed(schema) as object);
    this.#validators.set(key, known);
    if (known(value)) return [];
    return (known.errors ?? [])
      .filter((error) => !isAllowed(error))
      .map((error) => `${error.instancePath || '/'} ${error.message}: ${shown(error.data)}`);
  }
}

function isAllowed({ data, instancePath, keyword }: ErrorObject): boolean {
  // What an `else` says is said by itself as well.
  if (keyword === 'if') return true;
  return data === null && (nullInDockerd.test(instancePath) || keyword === 'enum');
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}

/** `/images/{name}/json`: names have slashes. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{name\}/g, '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

/** `#/definitions/X` → the document's. */
function pointed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(pointed);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' && value.startsWith('#') ? `docker${value}` : pointed(value),
    ]),
  );
}

/** Swagger's `x-nullable` in the words of JSON schema. */
function withNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withNulls);
  if (typeof node !== 'object' || node === null) return node;
  const { 'x-nullable': isNullable, ...rest } = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withNulls(value)]));
  return isNullable === true ? { if: { type: 'null' }, else: rest } : rest;
}
