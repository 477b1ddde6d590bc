import { childOf, resolveField } from './schema-table.ts';
import type { Schema } from './schema.ts';

/**
 * Which fields of an object someone owns, in the form of managedFields' fieldsV1:
 *
 *   { "f:spec": { "f:replicas": {}, "f:containers": { "k:{\"name\":\"c\"}": { ".": {}, "f:image": {} } } } }
 *
 * An empty set below a name owns the whole value there.
 */
export interface FieldSet {
  readonly [path: string]: FieldSet;
}

type Json = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How a list's items are told apart: by keys, by value, or not at all. */
export function listKind(type: Schema): 'map' | 'set' | 'atomic' {
  if (type.listType === 'map' || type.listType === 'set') return type.listType;
  return 'atomic';
}

export function itemType(type: Schema): Schema {
  return (type.items && resolveField(type.items)) ?? {};
}

const listKeyDefaults: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

/** `k:{"name":"c"}` or `v:"a"`. */
export function itemPath(item: unknown, type: Schema): string {
  if (listKind(type) === 'set' || !isMap(item)) return `v:${JSON.stringify(item)}`;
  const keys = (type.listMapKeys ?? []).map((key) => [key, item[key] ?? listKeyDefaults[key] ?? '']);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** Whether the value is owned as a whole. */
export function isLeaf(value: unknown, type: Schema): boolean {
  if (Array.isArray(value)) return listKind(type) === 'atomic';
  return !isMap(value) || type.mapType === 'atomic' || (!type.fields && !type.values);
}

/** The children of a structured value: path element, value and type of each. */
export function childrenOf(value: unknown, type: Schema): readonly (readonly [path: string, value: unknown, type: Schema])[] {
  if (Array.isArray(value)) return value.map((item) => [itemPath(item, type), item, itemType(type)]);
  if (!isMap(value)) return [];
  return Object.entries(value).map(([name, child]) => [`f:${name}`, child, childOf(type, name) ?? {}]);
}

/** Every field that a value sets. */
export function fieldsOf(value: unknown, type: Schema): FieldSet {
  if (isLeaf(value, type)) return {};
  const children = childrenOf(value, type).map(([path, child, childType]) => {
    const inner = fieldsOf(child, childType);
    const isItem = !path.startsWith('f:') && isMap(child);
    return [path, isItem ? { '.': {}, ...inner } : inner] as const;
  });
  return Object.fromEntries(children);
}

/** Every field that `after` has and `before` has not, or has with another value. */
export function changedFields(before: unknown, after: unknown, type: Schema): FieldSet {
  if (isLeaf(after, type) || isLeaf(before, type)) return fieldsOf(after, type);
  const old = new Map(childrenOf(before, type).map(([path, child]) => [path, child]));
  const changed = childrenOf(after, type).flatMap(([path, child, childType]) => {
    if (!old.has(path)) return [[path, withSelf(path, child, fieldsOf(child, childType))] as const];
    const was = old.get(path);
    if (JSON.stringify(was) === JSON.stringify(child)) return [];
    const inner = isLeaf(child, childType) ? {} : changedFields(was, child, childType);
    return isLeaf(child, childType) || Object.keys(inner).length > 0 ? [[path, inner] as const] : [];
  });
  return Object.fromEntries(changed);
}

function withSelf(path: string, child: unknown, inner: FieldSet): FieldSet {
  return !path.startsWith('f:') && isMap(child) ? { '.': {}, ...inner } : inner;
}

const isEmpty = (set: FieldSet): boolean => Object.keys(set).length === 0;

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = { ...a };
  for (const [path, inner] of Object.entries(b)) result[path] = union(result[path] ?? {}, inner);
  return result;
}

/** `a` without what `b` owns: a leaf in `b` takes the path away, whatever is below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const rest = Object.entries(a).flatMap(([path, inner]) => {
    const taken = b[path];
    if (taken === undefined) return [[path, inner] as const];
    if (isEmpty(taken) || isEmpty(inner)) return [];
    const left = difference(inner, taken);
    return isEmpty(left) || (Object.keys(left).length === 1 && left['.']) ? [] : [[path, left] as const];
  });
  return Object.fromEntries(rest);
}

/** The paths that both own, as leaves of `a`: `.spec.replicas`, `.spec.containers[name="c"].image`. */
export function commonLeaves(a: FieldSet, b: FieldSet, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(a).flatMap(([name, inner]) => {
    const other = b[name];
    if (other === undefined || name === '.') return [];
    if (isEmpty(inner) || isEmpty(other)) return isEmpty(inner) && isEmpty(other) ? [[...path, name]] : [];
    return commonLeaves(inner, other, [...path, name]);
  });
}

/** `['f:spec', 'k:{"name":"c"}', 'f:image']` → `.spec[name="c"].image` */
export function printPath(path: readonly string[]): string {
  return path
    .map((part) => {
      if (part.startsWith('f:')) return `.${part.slice(2)}`;
      if (part.startsWith('v:')) return `[=${part.slice(2)}]`;
      const keys = Object.entries(JSON.parse(part.slice(2)) as Json).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${keys.join(',')}]`;
    })
    .join('');
}

/** The value at a path; undefined when there is none. */
export function valueAt(value: unknown, type: Schema, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  const child = childrenOf(value, type).find(([name]) => name === first);
  return child && valueAt(child[1], child[2], rest);
}
