import { KindError } from '../../base/errors.ts';
import { childOf, resolveField } from './schema-table.ts';
import type { Schema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Strategic merge patch: like JSON merge, but lists with a merge key are merged item by item.
 * Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicMerge(type: Schema, original: Json, patch: Json): Json {
  return mergeMap(original, patch, type);
}

function mergeMap(original: Json, patch: Json, schema: Schema): Json {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  const result: Record<string, unknown> = { ...original };
  const retained = patch['$retainKeys'];
  if (Array.isArray(retained)) for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys') continue;
    const [directive, field] = key.startsWith('$') ? splitDirective(key) : ['', key];
    if (directive === '$setElementOrder') continue;
    const type = childOf(schema, field) ?? {};
    if (directive === '$deleteFromPrimitiveList') result[field] = listOf(result[field]).filter((item) => !listOf(value).includes(item));
    else if (value === null) delete result[field];
    else result[field] = mergeValue(result[field], value, type, patch[`$setElementOrder/${field}`]);
  }
  for (const key of Object.keys(patch)) {
    const [directive, field] = key.startsWith('$setElementOrder/') ? splitDirective(key) : ['', ''];
    if (directive && !(field in patch))
      result[field] = ordered(listOf(result[field]), listOf(patch[key]), (childOf(schema, field) ?? {}).mergeKey);
  }
  return result;
}

function splitDirective(key: string): readonly [string, string] {
  const slash = key.indexOf('/');
  return slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash + 1)];
}

function mergeValue(original: unknown, patch: unknown, type: Schema, order: unknown): unknown {
  if (Array.isArray(patch)) return mergeList(listOf(original), patch, type, order);
  if (isMap(patch)) {
    const isReplaced = type.patchStrategy === 'replace';
    return mergeMap(isMap(original) && !isReplaced ? original : {}, patch, type);
  }
  return patch;
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], type: Schema, order: unknown): readonly unknown[] {
  const isMerged = type.patchStrategy?.includes('merge') === true;
  if (!isMerged) return patch.map((item) => (isMap(item) ? withoutDirectives(item) : item));
  const { mergeKey } = type;
  if (mergeKey === undefined) {
    const union = [...original, ...patch.filter((item) => !original.includes(item))];
    return Array.isArray(order) ? ordered(union, order, undefined) : union;
  }
  const itemType = (type.items && resolveField(type.items)) ?? {};
  let result = [...original];
  if (patch.some((item) => isMap(item) && item['$patch'] === 'replace')) {
    result = [];
  }
  for (const item of patch) {
    if (!isMap(item)) throw new KindError('invalid', `invalid patch: list merged by "${mergeKey}" has an item that is not an object`);
    if (item['$patch'] === 'replace' && item[mergeKey] === undefined) continue;
    const key = item[mergeKey];
    if (key === undefined) throw new KindError('invalid', `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    const index = result.findIndex((one) => isMap(one) && one[mergeKey] === key);
    if (item['$patch'] === 'delete') result = result.filter((one) => !(isMap(one) && one[mergeKey] === key));
    else if (index < 0) result.push(mergeMap({}, item, itemType));
    else result[index] = mergeMap(result[index] as Json, item, itemType);
  }
  return Array.isArray(order) ? ordered(result, order, mergeKey) : result;
}

/** Items named by the order come in it; the others keep their place before the named item they preceded. */
function ordered(items: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): readonly unknown[] {
  const keyOf = (item: unknown): unknown => (mergeKey !== undefined && isMap(item) ? item[mergeKey] : item);
  const wanted = order.map(keyOf);
  const rank = new Map(wanted.map((key, index) => [key, index]));
  const named = items.filter((item) => rank.has(keyOf(item))).toSorted((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  const result: unknown[] = [];
  const queue = [...named];
  for (const item of items) {
    if (!rank.has(keyOf(item))) result.push(item);
    else if (queue.length > 0) result.push(queue.shift());
  }
  return result;
}

function withoutDirectives(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('$')));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7386. */
export function jsonMerge(original: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: Record<string, unknown> = isMap(original) ? { ...original } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = jsonMerge(result[key], value);
  }
  return result;
}
