import { KindError } from '../../base/errors.ts';
import { parseDuration } from './duration.ts';

/** One thing in the build cache, as `docker system df -v` and `docker builder prune` know them. */
export interface CacheUsage {
  /** Hex; of a step its cache key. */
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: 'regular' | 'exec.cachemount';
  readonly description: string;
  /** A build runs with it now. */
  readonly inUse: boolean;
  /** Its bytes belong to an image that is kept anyway: forgetting it frees nothing. */
  readonly shared: boolean;
  readonly bytes: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly usageCount: number;
}

export interface PruneRules {
  /** Also what is shared with images. */
  readonly all: boolean;
  /** Stop once no more than these bytes are left; the longest unused goes first. */
  readonly keepBytes?: number;
  /** `until=24h`, `id`, `parent`, `type`, `description`, `inuse`, `shared`, `private`, `mutable`, `immutable`. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export interface PrunedCache {
  readonly ids: readonly string[];
  readonly bytes: number;
}

/** Which of the cached things go, longest unused first. */
export function choosePruned(usage: readonly CacheUsage[], rules: PruneRules, now: Date): readonly CacheUsage[] {
  const filters = Object.entries(rules.filters ?? {}).map(([name, values]) => filterOf(name, values, now));
  const candidates = usage
    .filter((item) => !item.inUse && (rules.all || !item.shared) && filters.every((matches) => matches(item)))
    .sort((a, b) => lastUse(a) - lastUse(b));
  if (rules.keepBytes === undefined || rules.keepBytes <= 0) return candidates;
  const chosen: CacheUsage[] = [];
  let left = usage.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const item of candidates) {
    if (left <= rules.keepBytes) break;
    chosen.push(item);
    left -= item.bytes;
  }
  return chosen;
}

function lastUse({ lastUsedAt, createdAt }: CacheUsage): number {
  return (lastUsedAt ?? createdAt).getTime();
}

type Matcher = (item: CacheUsage) => boolean;

const isMount: Matcher = ({ type }) => type === 'exec.cachemount';

function any(values: readonly string[], matches: (item: CacheUsage, value: string) => boolean): Matcher {
  return (item) => values.length === 0 || values.some((value) => matches(item, value));
}

const matchers: Readonly<Record<string, (values: readonly string[], now: Date) => Matcher>> = {
  until: olderThan,
  'unused-for': olderThan,
  id: (values) => any(values, (item, value) => item.id.startsWith(value)),
  parent: (values) => any(values, (item, value) => item.parents.some((parent) => parent.startsWith(value))),
  type: (values) => any(values, (item, value) => item.type === value),
  description: (values) => any(values, (item, value) => item.description.includes(value)),
  inuse: () => (item) => item.inUse,
  shared: () => (item) => item.shared,
  private: () => (item) => !item.shared,
  mutable: () => isMount,
  immutable: () => (item) => !isMount(item),
};

/** Names of the filters that there are. */
export const cacheFilters: readonly string[] = Object.keys(matchers);

function filterOf(name: string, values: readonly string[], now: Date): Matcher {
  const matcher = matchers[name];
  if (matcher) return matcher(values, now);
  throw new KindError('invalid', `invalid filter '${name}': build cache is filtered by ${cacheFilters.join(', ')}`);
}

/** A duration before now, seconds since 1970, or a date. */
function olderThan(values: readonly string[], now: Date): Matcher {
  const limit = values.length === 0 ? Infinity : Math.min(...values.map((value) => instantOf(value, now)));
  return (item) => lastUse(item) < limit;
}

function instantOf(text: string, now: Date): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? now.getTime() - parseDuration(text) / 1e6 : date;
}
