import { isKind } from '../../../base/errors.ts';
import type { Change, Store } from '../../../store/store.ts';
import type { Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { objectAt, withRevision } from './codec.ts';
import { converted, convertedAll } from './conversion.ts';
import { prefixOf } from './keys.ts';
import { selection, type Selectors } from './select.ts';

export interface ListQuery extends Selectors {
  readonly namespace?: string;
  readonly limit?: number;
  readonly continue?: string;
  /** With `resourceVersionMatch: 'Exact'`, the past to read. */
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

interface Position {
  readonly revision: number;
  readonly after: string;
}

/** One page of the objects of a kind, in the order of their keys; pages of one list read the same revision. */
export async function listObjects(store: Store, resource: Resource, query: ListQuery): Promise<ListPage> {
  const position = query.continue ? parsePosition(query.continue) : undefined;
  const exact = query.resourceVersionMatch === 'Exact' ? Number(query.resourceVersion) : undefined;
  const matches = selection(resource, query);
  const range = readAt(store, prefixOf(resource, query.namespace), position?.revision ?? exact, position?.after);
  const limit = query.limit ?? 0;
  const objects = resource.conversion ? await convertedAll(resource, range.entries.map(objectAt)) : undefined;
  const items: Body[] = [];
  for (const [index, entry] of range.entries.entries()) {
    const object = objects?.[index] ?? objectAt(entry);
    if (matches && !matches(object)) continue;
    items.push(object);
    const left = range.entries.length - index - 1;
    if (limit === 0 || items.length < limit || left === 0) continue;
    const next = Buffer.from(JSON.stringify({ revision: range.revision, after: entry.key } satisfies Position)).toString('base64url');
    return { resourceVersion: String(range.revision), items, continue: next, ...(!matches && { remaining: left }) };
  }
  return { resourceVersion: String(range.revision), items };
}

function readAt(store: Store, prefix: string, revision: number | undefined, after: string | undefined): ReturnType<Store['range']> {
  try {
    return store.range(prefix, { ...(revision !== undefined && { revision }), ...(after !== undefined && { after }) });
  } catch (error) {
    if (isKind(error, 'expired')) throw expired('The provided continue parameter is too old to display a consistent list result.');
    throw error;
  }
}

function parsePosition(token: string): Position {
  try {
    const { revision, after } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Position;
    if (Number.isInteger(revision) && typeof after === 'string') return { revision, after };
  } catch {
    // Falls through to the one answer for every unreadable token.
  }
  throw apiError('BadRequest', 'continue key is not valid');
}

export type RegistryEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Body }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly isInitialEnd: boolean };

export interface WatchQuery extends Selectors {
  readonly namespace?: string;
  /** `''` and `'0'` start with everything there is. */
  readonly resourceVersion?: string;
  /** Also with a resourceVersion: everything there is, then a bookmark, then changes. */
  readonly sendInitialEvents?: boolean;
}

/** Changes of a kind's objects, in order, in batches. `expired` when the resourceVersion is too old. Ends when the signal aborts. */
export async function* watchObjects(
  store: Store,
  resource: Resource,
  query: WatchQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly RegistryEvent[]> {
  const matches = selection(resource, query);
  const prefix = prefixOf(resource, query.namespace);
  const revision = parseRevision(query.resourceVersion);
  let after = revision;
  if (query.sendInitialEvents || revision === 0) {
    const range = store.range(prefix);
    after = range.revision;
    const objects = (await convertedAll(resource, range.entries.map(objectAt))).filter((object) => matches?.(object) ?? true);
    const end = { type: 'BOOKMARK', resourceVersion: String(after), isInitialEnd: true } as const;
    yield [...objects.map((object) => ({ type: 'ADDED', object }) as const), ...(query.sendInitialEvents ? [end] : [])];
  }
  try {
    for await (const changes of store.watch(prefix, { after }, signal)) {
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

function parseRevision(text: string | undefined): number {
  const revision = Number(text ?? 0);
  if (Number.isInteger(revision) && revision >= 0) return revision;
  throw apiError('BadRequest', `Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
}

export function expired(message: string): Error {
  return apiError('Expired', message);
}
