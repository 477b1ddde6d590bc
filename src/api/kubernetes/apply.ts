import type { Schema } from './schema.ts';
import {
  changedFields,
  commonLeaves,
  difference,
  fieldsOf,
  isLeaf,
  isMap,
  itemPath,
  itemType,
  listKind,
  printPath,
  union,
  valueAt,
  type FieldSet,
} from './field-set.ts';
import { childOf } from './schema-table.ts';

type Json = Readonly<Record<string, unknown>>;

/** One writer's entry of metadata.managedFields. */
export interface ManagedFields {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldSet;
  readonly subresource?: string;
}

export interface Conflict {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  /** `.spec.replicas` */
  readonly field: string;
}

export interface Applied {
  readonly object: Json;
  /** Fields that others own with another value; empty when forced. */
  readonly conflicts: readonly Conflict[];
}

/** Fields that nobody owns: identity, and what the server itself sets. */
const unowned: FieldSet = {
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': Object.fromEntries(
    [
      'name',
      'namespace',
      'generateName',
      'uid',
      'resourceVersion',
      'generation',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'selfLink',
      'managedFields',
    ].map((name) => [`f:${name}`, {}]),
  ),
};

export function managedFieldsOf(object: Json): readonly ManagedFields[] {
  const entries = isMap(object['metadata']) ? object['metadata']['managedFields'] : undefined;
  return Array.isArray(entries) ? (entries as readonly ManagedFields[]) : [];
}

function owned(value: unknown, type: Schema): FieldSet {
  return withoutEmptyMetadata(difference(fieldsOf(value, type), unowned));
}

function withoutEmptyMetadata(set: FieldSet): FieldSet {
  const { 'f:metadata': metadata, ...rest } = set;
  return metadata && Object.keys(metadata).length > 0 ? set : rest;
}

/**
 * Server-side apply: the applied fields are set and owned; fields that this manager applied before and leaves out now
 * go away unless somebody else owns them; a field that another owns with another value is a conflict unless forced.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export function apply(
  type: Schema,
  current: Json,
  applied: Json,
  options: { readonly manager: string; readonly force: boolean; readonly time: string },
): Applied {
  const wanted = owned(applied, type);
  const entries = managedFieldsOf(current);
  const isOwn = (one: ManagedFields): boolean => one.manager === options.manager && one.operation === 'Apply' && !one.subresource;
  const others = entries.filter((one) => !isOwn(one));
  const clashing = others.map((one) => ({
    one,
    paths: commonLeaves(wanted, one.fieldsV1).filter((path) => !same(valueAt(applied, type, path), valueAt(current, type, path))),
  }));
  const conflicts = clashing.flatMap(({ one, paths }) =>
    paths.map((path) => ({ manager: one.manager, operation: one.operation, apiVersion: one.apiVersion, field: printPath(path) })),
  );
  if (conflicts.length > 0 && !options.force) return { object: current, conflicts };
  const before = entries.find(isOwn)?.fieldsV1 ?? {};
  const everybody = others.reduce<FieldSet>((sum, one) => union(sum, one.fieldsV1), wanted);
  const pruned = remove(current, type, difference(before, everybody)) as Json;
  const merged = merge(pruned, applied, type) as Json;
  const apiVersion = String(applied['apiVersion'] ?? current['apiVersion'] ?? '');
  const kept = clashing.flatMap(({ one, paths }) => {
    const fieldsV1 = difference(
      one.fieldsV1,
      paths.reduce<FieldSet>((sum, path) => union(sum, nest(path)), {}),
    );
    return Object.keys(fieldsV1).length > 0 ? [{ ...one, fieldsV1 }] : [];
  });
  const previous = entries.find(isOwn);
  const isSame = previous !== undefined && same(previous.fieldsV1, wanted) && same(pruned, current) && same(merged, current);
  const own: ManagedFields = isSame
    ? previous
    : { manager: options.manager, operation: 'Apply', apiVersion, time: options.time, fieldsType: 'FieldsV1', fieldsV1: wanted };
  return { object: withManaged(merged, isSame ? entries : [own, ...kept]), conflicts: [] };
}

/** Records who set what changed in an ordinary write; what changed hands is taken from its owners. */
export function recordUpdate(
  type: Schema,
  before: Json | undefined,
  after: Json,
  options: { readonly manager: string; readonly time: string; readonly subresource?: string },
): Json {
  const changed = withoutEmptyMetadata(difference(before ? changedFields(before, after, type) : fieldsOf(after, type), unowned));
  const entries = managedFieldsOf(before ?? {});
  const gone = before ? difference(fieldsOf(before, type), fieldsOf(after, type)) : {};
  if (Object.keys(changed).length === 0 && Object.keys(gone).length === 0) return withManaged(after, entries);
  const isOwn = (one: ManagedFields): boolean =>
    one.manager === options.manager && one.operation === 'Update' && one.subresource === options.subresource;
  const kept = entries.flatMap((one) => {
    const fieldsV1 = difference(isOwn(one) ? one.fieldsV1 : difference(one.fieldsV1, changed), gone);
    return !isOwn(one) && Object.keys(fieldsV1).length > 0 ? [{ ...one, fieldsV1 }] : [];
  });
  const previous = entries.find(isOwn)?.fieldsV1;
  const mine = previous ? union(difference(previous, gone), changed) : changed;
  if (Object.keys(mine).length === 0) return withManaged(after, kept);
  const own: ManagedFields = {
    manager: options.manager,
    operation: 'Update',
    apiVersion: String(after['apiVersion'] ?? ''),
    time: options.time,
    fieldsType: 'FieldsV1',
    fieldsV1: mine,
    ...(options.subresource && { subresource: options.subresource }),
  };
  return withManaged(after, [...kept, own]);
}

function withManaged(object: Json, managedFields: readonly ManagedFields[]): Json {
  const { managedFields: _old, ...metadata } = (object['metadata'] ?? {}) as Json;
  return { ...object, metadata: managedFields.length > 0 ? { ...metadata, managedFields } : metadata };
}

function nest(path: readonly string[]): FieldSet {
  return path.toReversed().reduce<FieldSet>((inner, name) => ({ [name]: inner }), {});
}

/** The value without the fields of the set. */
function remove(value: unknown, type: Schema, gone: FieldSet): unknown {
  if (Object.keys(gone).length === 0) return value;
  const survives = (path: string): boolean => gone[path] === undefined || Object.keys(gone[path]).some((name) => name !== '.');
  if (Array.isArray(value)) {
    const kept = value.filter((item) => survives(itemPath(item, type)) && gone[itemPath(item, type)]?.['.'] === undefined);
    return kept.map((item) => remove(item, itemType(type), gone[itemPath(item, type)] ?? {}));
  }
  if (!isMap(value)) return value;
  const entries = Object.entries(value).filter(([name]) => survives(`f:${name}`));
  return Object.fromEntries(entries.map(([name, child]) => [name, remove(child, childOf(type, name) ?? {}, gone[`f:${name}`] ?? {})]));
}

/** The current value with everything that is applied set. */
function merge(current: unknown, applied: unknown, type: Schema): unknown {
  if (isLeaf(applied, type) || current === undefined) return applied;
  if (Array.isArray(applied)) return mergeList(Array.isArray(current) ? current : [], applied, type);
  if (!isMap(current) || !isMap(applied)) return applied;
  const result: Record<string, unknown> = { ...current };
  for (const [name, child] of Object.entries(applied)) {
    if (child !== null) result[name] = merge(current[name], child, childOf(type, name) ?? {});
  }
  return result;
}

/** Applied items come in their order; the others stay where they were among them. */
function mergeList(current: readonly unknown[], applied: readonly unknown[], type: Schema): readonly unknown[] {
  if (listKind(type) === 'set') return [...current.filter((item) => !applied.includes(item)), ...applied];
  const wanted = new Map(applied.map((item) => [itemPath(item, type), item]));
  const known = new Set(current.map((item) => itemPath(item, type)));
  const kept = current.map((item) => {
    const path = itemPath(item, type);
    return wanted.has(path) ? merge(item, wanted.get(path), itemType(type)) : item;
  });
  return [...kept, ...applied.filter((item) => !known.has(itemPath(item, type)))];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
