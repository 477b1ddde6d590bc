import { isObject } from '../json.ts';

const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** Fields whose names are no identifiers are written otherwise: `self.__namespace__`, `self.x__dash__y`. */
export function escapedName(name: string): string {
  if (keywords.has(name)) return `__${name}__`;
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');
}

/** A JSON value as the language sees it: whole numbers are ints, objects maps. `isMap` keeps the keys of free-form maps. */
export function celValue(value: unknown, isMap: (path: readonly string[]) => boolean = () => true, path: readonly string[] = []): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => celValue(item, isMap, [...path, '[]']));
  if (!isObject(value)) return value;
  const keepsKeys = isMap(path);
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [keepsKeys ? key : escapedName(key), celValue(child, isMap, [...path, key])]),
  );
}
