import { KindError } from '../base/errors.ts';
import { compareKeys, partitionPoint, SortedKeys } from './sorted-keys.ts';
import type { Change, Entry, Range, RangeOptions } from './store.ts';

/** A row that history no longer needs: the value that `key` got at `revision`. */
export interface Obsolete {
  readonly key: string;
  readonly revision: number;
}

/** History is trimmed to `keep` changes whenever it grows beyond `trimAt`. */
export interface Retention {
  readonly keep: number;
  readonly trimAt: number;
}

export const defaultRetention: Retention = { keep: 10_000, trimAt: 12_000 };

/**
 * What is visible: the newest entry of each key, their keys in order, and the newest changes.
 *
 *   changes:   compacted │ 101  102  102  103 … revision
 *   A past read undoes the changes after its revision; a watch reads on from its own.
 */
export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  #changes: Change[] = [];
  #revision = 0;
  #compacted = 0;

  /** Of the newest change. */
  get revision(): number {
    return this.#revision;
  }

  /** The newest forgotten revision: reads at it work, reads before it are `expired`. */
  get compacted(): number {
    return this.#compacted;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Fills in state from before the retained history. */
  restore(base: readonly Entry[], compacted: number): void {
    for (const entry of base) this.#entries.set(entry.key, entry);
    this.#keys.load([...this.#entries.keys()]);
    this.#compacted = compacted;
    this.#revision = base.reduce((newest, entry) => Math.max(newest, entry.modRevision), compacted);
  }

  /** Everything is other than what was known, up to `revision`: history before it is forgotten. */
  replace(entries: readonly Entry[], revision: number): void {
    this.#entries.clear();
    this.#changes = [];
    this.restore(entries, revision);
  }

  /** Up to here nothing else changed. */
  advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#set(change.entry.key, change.type === 'put' ? change.entry : undefined);
      this.#changes.push(change);
      this.#revision = change.entry.modRevision;
    }
  }

  range(prefix: string, options: RangeOptions = {}): Range {
    const revision = options.revision ?? this.#revision;
    if (revision > this.#revision) throw new KindError('invalid', `read revision ${revision}: the newest is ${this.#revision}`);
    const after = options.after !== undefined && options.after >= prefix ? options.after : undefined;
    const past = revision === this.#revision ? undefined : this.#undone(prefix, revision);
    const { keys, count } = this.#keysOf(prefix, after, past, options.limit);
    const entries = keys.map((key) => (past?.has(key) ? past.get(key) : this.#entries.get(key)) as Entry);
    return { entries, revision, remaining: count - entries.length };
  }

  /** Changes with the prefix after a revision, in order; `expired` when that revision was forgotten. */
  changesAfter(revision: number, prefix: string): readonly Change[] {
    this.#assertRetained(revision);
    return this.#changes.slice(this.#firstAfter(revision)).filter((change) => change.entry.key.startsWith(prefix));
  }

  /** Forgets history up to and including the revision; returns the rows that nothing can read any more. */
  compact(revision: number): readonly Obsolete[] {
    const end = this.#firstAfter(revision);
    const dropped = this.#changes.slice(0, end);
    this.#changes = this.#changes.slice(end);
    this.#compacted = Math.max(this.#compacted, revision);
    return dropped.flatMap(obsoletedBy);
  }

  /** Forgets all but the newest `keep` changes once there are more than `trimAt`. */
  trim({ keep, trimAt }: Retention): readonly Obsolete[] {
    const first = this.#changes.length > trimAt ? this.#changes[this.#changes.length - keep] : undefined;
    return first ? this.compact(first.entry.modRevision - 1) : [];
  }

  #undone(prefix: string, revision: number): Map<string, Entry | undefined> {
    this.#assertRetained(revision);
    const past = new Map<string, Entry | undefined>();
    for (const change of this.#changes.slice(this.#firstAfter(revision)).toReversed()) {
      if (change.entry.key.startsWith(prefix)) past.set(change.entry.key, change.previous);
    }
    return past;
  }

  #keysOf(
    prefix: string,
    after: string | undefined,
    past: Map<string, Entry | undefined> | undefined,
    limit = Infinity,
  ): { readonly keys: readonly string[]; readonly count: number } {
    const start = after === undefined ? prefix : `${after}\0`;
    const end = `${prefix}\uFFFF`;
    if (!past || past.size === 0) return this.#keys.between(start, end, limit);
    const { keys } = this.#keys.between(start, end);
    const known = new Set(keys);
    const removedSince = [...past.keys()].filter((key) => !known.has(key) && key >= start);
    const existed = (key: string): boolean => !past.has(key) || past.get(key) !== undefined;
    const all = (removedSince.length === 0 ? keys : [...keys, ...removedSince].toSorted(compareKeys)).filter(existed);
    return { keys: limit < all.length ? all.slice(0, limit) : all, count: all.length };
  }

  #assertRetained(revision: number): void {
    if (revision >= this.#compacted) return;
    throw new KindError('expired', `revision ${revision} has been compacted; the oldest available is ${this.#compacted}`);
  }

  #set(key: string, entry: Entry | undefined): void {
    const known = this.#entries.has(key);
    if (entry) this.#entries.set(key, entry);
    else this.#entries.delete(key);
    if (known === (entry !== undefined)) return;
    if (known) this.#keys.delete(key);
    else this.#keys.add(key);
  }

  #firstAfter(revision: number): number {
    return partitionPoint(this.#changes, (change) => change.entry.modRevision <= revision);
  }
}

function obsoletedBy(change: Change): readonly Obsolete[] {
  const own = { key: change.entry.key, revision: change.entry.modRevision };
  const before = change.previous ? [{ key: change.entry.key, revision: change.previous.modRevision }] : [];
  return change.type === 'delete' ? [...before, own] : before;
}
