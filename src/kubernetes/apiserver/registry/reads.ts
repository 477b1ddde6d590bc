import { isKind } from '../../../base/errors.ts';
import type { Change, Range, RangeOptions, Store, WatchOptions } from '../../../store/store.ts';
import type { Resource } from '../resources.ts';
import { apiError, invalid, type FieldCause } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { objectAt, withRevision } from './codec.ts';
import { converted, convertedAll } from './conversion.ts';
import { continueToken, positionOf, type Position } from './continue-token.ts';
import { prefixOf } from './keys.ts';
import { selection, type Selectors } from './select.ts';

export interface ListQuery extends Selectors {
  readonly namespace?: string;
  /** Objects of a page; 0 = all. */
  readonly limit?: number;
  readonly continue?: string;
  /** Without a match: `''` the newest, `'0'` any, else at least so new, or exactly that with a limit. */
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
}

export interface ListPage {
  readonly resourceVersion: string;
  readonly items: readonly Body[];
  readonly continue?: string;
  /** Only known without selectors. */
  readonly remaining?: number;
}

/** One page of the objects of a kind, in the order of their keys; pages of one list read the same revision. */
export async function listObjects(store: Store, resource: Resource, query: ListQuery): Promise<ListPage> {
  const prefix = prefixOf(resource, query.namespace);
  const matches = selection(resource, query);
  // As kube-apiserver's cache, which has whatever "any" asks for at hand.
  const limit = query.resourceVersion === '0' && !query.continue ? 0 : (query.limit ?? 0);
  const range = await readRange(store, prefix, query, limit > 0 && !matches ? limit : undefined);
  const objects = resource.conversion ? await convertedAll(resource, range.entries.map(objectAt)) : undefined;
  const items: Body[] = [];
  for (const [index, entry] of range.entries.entries()) {
    const object = objects?.[index] ?? objectAt(entry);
    if (matches && !matches(object)) continue;
    items.push(object);
    const left = range.entries.length - index - 1 + range.remaining;
    if (limit === 0 || items.length < limit || left === 0) continue;
    const next = continueToken({ revision: range.revision, after: entry.key }, prefix);
    return { resourceVersion: String(range.revision), items, continue: next, ...(!matches && { remaining: left }) };
  }
  return { resourceVersion: String(range.revision), items };
}

async function readRange(store: Store, prefix: string, query: ListQuery, limit: number | undefined): Promise<Range> {
  const asked = listRevision(query.resourceVersion);
  if (query.continue) {
    if (asked > 0) throw apiError('BadRequest', 'specifying resource version is not allowed when using continue');
    return readOn(store, prefix, positionOf(query.continue, prefix), limit);
  }
  if (asked > 0) await reach(store, asked);
  const isExact = query.resourceVersionMatch === 'Exact' || (!query.resourceVersionMatch && (query.limit ?? 0) > 0);
  const revision = asked > 0 && isExact ? asked : undefined;
  return readAt(store, prefix, { revision, limit }, () => expired('The resourceVersion for the provided list is too old.'));
}

const tooOld = 'The provided continue parameter is too old to display a consistent list result.';

async function readOn(store: Store, prefix: string, position: Position, limit: number | undefined): Promise<Range> {
  if (position.revision !== undefined) await reach(store, position.revision);
  return readAt(store, prefix, { ...position, limit }, () => {
    const inconsistent = continueToken({ revision: undefined, after: position.after }, prefix);
    return apiError(
      'Expired',
      `${tooOld} You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.`,
      undefined,
      { continue: inconsistent },
    );
  });
}

function readAt(store: Store, prefix: string, options: RangeOptions, refuse: () => Error): Range {
  try {
    return store.range(prefix, options);
  } catch (error) {
    throw isKind(error, 'expired') ? refuse() : error;
  }
}

/** Waits for what others wrote; a revision that nobody gave yet is refused. */
export async function reach(store: Store, revision: number): Promise<void> {
  if (revision > store.revision) await store.catchUp();
  if (revision <= store.revision) return;
  const message = 'Too large resource version';
  throw apiError('Timeout', `Timeout: ${message}: ${revision}, current: ${store.revision}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message, field: '' }],
    retryAfterSeconds: 1,
  });
}

export type RegistryEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Body }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly isInitialEnd: boolean };

export interface WatchQuery extends Selectors {
  readonly namespace?: string;
  /** After which to begin: `''` and `'0'` are now. */
  readonly resourceVersion?: string;
  /** Everything there is, before changes; without being asked where there is no resourceVersion. */
  readonly sendInitialEvents?: boolean;
  /** Tells when that was everything. */
  readonly wantsBookmarks?: boolean;
}

/**
 * Changes of a kind's objects, in order, in batches. `expired` when the resourceVersion is too old. Ends when the signal aborts.
 * `progress` is given the way to ask up to which revision everything was taken from here.
 */
export function watchObjects(
  store: Store,
  resource: Resource,
  query: WatchQuery,
  signal: AbortSignal,
  progress?: WatchOptions['progress'],
): AsyncGenerator<readonly RegistryEvent[]> {
  // What cannot be asked is refused before anything is answered.
  const view = { matches: selection(resource, query), asked: watchRevision(resource, query.resourceVersion) };
  return eventsFrom(store, resource, { ...query, ...view }, signal, progress);
}

async function* eventsFrom(
  store: Store,
  resource: Resource,
  { matches, asked, ...query }: WatchQuery & { readonly matches: Selection; readonly asked: number },
  signal: AbortSignal,
  progress?: WatchOptions['progress'],
): AsyncGenerator<readonly RegistryEvent[]> {
  const prefix = prefixOf(resource, query.namespace);
  let after = asked === 0 ? store.revision : asked;
  if (query.sendInitialEvents ?? asked === 0) {
    await reach(store, asked);
    const range = store.range(prefix);
    after = range.revision;
    const objects = (await convertedAll(resource, range.entries.map(objectAt))).filter((object) => matches?.(object) ?? true);
    const end = { type: 'BOOKMARK', resourceVersion: String(after), isInitialEnd: true } as const;
    yield [...objects.map((object) => ({ type: 'ADDED', object }) as const), ...(query.wantsBookmarks ? [end] : [])];
  }
  try {
    for await (const changes of store.watch(prefix, { after, ...(progress && { progress }) }, signal)) {
      const events = await eventsOf(resource, changes, matches);
      if (events.length > 0) yield events;
    }
  } catch (error) {
    if (isKind(error, 'expired')) throw expired(`too old resource version: ${after} (${store.revision})`);
    throw error;
  }
}

/** What changes mean to a watcher that sees only what matches: an object can enter and leave its view. */
async function eventsOf(resource: Resource, changes: readonly Change[], matches: Selection): Promise<readonly RegistryEvent[]> {
  if (!resource.conversion) {
    return changes.flatMap((one) => eventOf(one, one.previous && objectAt(one.previous), objectAt(one.entry), matches));
  }
  const befores = await Promise.all(changes.map(({ previous }) => previous && converted(resource, objectAt(previous))));
  const afters = await Promise.all(changes.map(({ entry }) => converted(resource, objectAt(entry))));
  return changes.flatMap((one, index) => eventOf(one, befores[index], afters[index] as Body, matches));
}

type Selection = ((object: Body) => boolean) | undefined;

function eventOf(change: Change, before: Body | undefined, object: Body, matches: Selection): readonly RegistryEvent[] {
  const wasSeen = before !== undefined && (matches?.(before) ?? true);
  if (change.type === 'put' && (matches?.(object) ?? true)) return [{ type: wasSeen ? 'MODIFIED' : 'ADDED', object }];
  return wasSeen ? [{ type: 'DELETED', object: withRevision(before, change.entry.modRevision) }] : [];
}

function parsed(text: string): number | FieldCause {
  if (/^\d+$/.test(text)) return Number(text);
  const quoted = JSON.stringify(text);
  const message = `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`;
  return { field: 'resourceVersion', reason: 'FieldValueInvalid', message };
}

/** The revision that a list or a get names; 0 when it names none. */
export function listRevision(text: string | undefined): number {
  const revision = parsed(text || '0');
  if (typeof revision === 'number') return revision;
  throw apiError('BadRequest', `invalid resource version: ${revision.field}: ${revision.message}`);
}

function watchRevision(resource: Resource, text: string | undefined): number {
  const revision = parsed(text || '0');
  if (typeof revision === 'number') return revision;
  throw invalid({ ...resource, kind: resource.resource }, '', [revision]);
}

function expired(message: string): Error {
  return apiError('Expired', message);
}
