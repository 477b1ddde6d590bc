import { KindError } from '../../base/errors.ts';

/**
 * Checks a JSON value and gives it its type. As in Go, `null` counts as absent, unknown fields are ignored,
 * and a wrong type is an error that names the field: `json: cannot unmarshal string into Go struct field HostConfig.Memory of type int64`.
 */
export type Shape<T> = (value: unknown, path: string) => T;

type Fields = Readonly<Record<string, Shape<unknown>>>;
export type Typed<F extends Fields> = { readonly [K in keyof F]?: ReturnType<F[K]> };
/** The type that a shape gives. */
export type Of<S> = S extends Shape<infer T> ? T : never;

export const text: Shape<string> = (value, path) => (typeof value === 'string' ? value : mismatch(value, path, 'string'));
export const flag: Shape<boolean> = (value, path) => (typeof value === 'boolean' ? value : mismatch(value, path, 'bool'));
export const anything: Shape<unknown> = (value) => value;

export const integer: Shape<number> = (value, path) => {
  if (typeof value !== 'number') return mismatch(value, path, 'int64');
  if (Number.isInteger(value)) return value;
  throw invalidJson(`json: cannot unmarshal number ${value} into Go struct field ${path} of type int64`);
};

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return mismatch(value, path, '[]');
    return value.map((entry: unknown) => item(entry, path));
  };
}

export function map<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (!isObject(value)) return mismatch(value, path, 'map');
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, item(entry, `${path}.${key}`)]));
  };
}

export function record<F extends Fields>(fields: F): Shape<Typed<F>> {
  return (value, path) => {
    if (!isObject(value)) return mismatch(value, path, 'struct');
    const known = Object.entries(fields).flatMap(([name, shape]) => {
      const field = value[name];
      if (field === null || field === undefined) return [];
      return [[name, shape(field, path === '' ? name : `${path}.${name}`)]];
    });
    return Object.fromEntries(known) as Typed<F>;
  };
}

/** `null` inside a map or list becomes the given value. */
export function orElse<T>(shape: Shape<T>, absent: T): Shape<T> {
  return (value, path) => (value === null || value === undefined ? absent : shape(value, path));
}

/** Docker's `strslice`: a list of words, or one word. */
export const words: Shape<readonly string[]> = (value, path) => (typeof value === 'string' ? [value] : list(text)(value, path));

/** Parses a request body; an empty body is `{}` when the endpoint allows it. */
export function parseBody<T>(body: string, shape: Shape<T>, options: { readonly allowEmpty: boolean } = { allowEmpty: false }): T {
  if (body.trim() === '') {
    if (options.allowEmpty) return shape({}, '');
    throw new KindError('invalid', 'invalid JSON: got EOF while reading request body');
  }
  return shape(parsed(body), '');
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new KindError('invalid', `invalid JSON: ${(error as Error).message}`, { cause: error });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, path: string, wanted: string): never {
  throw invalidJson(`json: cannot unmarshal ${jsonTypeOf(value)} into Go struct field ${path} of type ${wanted}`);
}

function invalidJson(message: string): KindError {
  return new KindError('invalid', `invalid JSON: ${message}`);
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}
