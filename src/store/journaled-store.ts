import { isKind, wrap, type KindError } from '../base/errors.ts';
import { type Journal, NothingWritten } from './journal.ts';
import { defaultRetention, Keyspace, type Obsolete, type Retention } from './keyspace.ts';
import { planWrite } from './plan-write.ts';
import type { Change, Entry, Range, RangeOptions, Store, WatchOptions, WriteOperation, WriteResult } from './store.ts';
import { Watchers } from './watchers.ts';

interface Pending {
  readonly entry: Entry | undefined;
  readonly revision: number;
}

/**
 * The store over a journal. The life of a write:
 *
 *   write() ──conditions against newest = pending over visible──► pending ──journal: durable──► visible ──► watchers, caller
 *
 * Revisions are given out at call time and become visible in that order, each only when durable: nobody
 * reads what a crash could take back. A conflict with a pending write is reported once that write is visible,
 * so that whoever reads again sees what it conflicted with. When the journal has no room, what is pending is refused and
 * its revisions are given out again: nobody has seen them. When it fails otherwise, nothing is accepted any more.
 */
export class JournaledStore implements Store {
  readonly #keyspace: Keyspace;
  readonly #watchers: Watchers;
  readonly #journal: Journal;
  readonly #retention: Retention;
  readonly #pending = new Map<string, Pending>();
  /** Rows that the journal had no room to forget. */
  #owed: readonly Obsolete[] = [];
  /** Grows each time that everything pending was refused. */
  #generation = 0;
  #issued: number;
  #tail: Promise<void> = Promise.resolve();
  #failure: KindError | undefined;

  constructor(journal: Journal, keyspace: Keyspace = new Keyspace(), retention: Retention = defaultRetention) {
    this.#keyspace = keyspace;
    this.#journal = journal;
    this.#retention = retention;
    this.#watchers = new Watchers(keyspace);
    this.#issued = keyspace.revision;
  }

  get revision(): number {
    return this.#keyspace.revision;
  }

  get(key: string): Entry | undefined {
    return this.#keyspace.get(key);
  }

  range(prefix: string, options?: RangeOptions): Range {
    return this.#keyspace.range(prefix, options);
  }

  changesAfter(revision: number, prefix: string): readonly Change[] {
    return this.#keyspace.changesAfter(revision, prefix);
  }

  watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncIterable<readonly Change[]> {
    return this.#watchers.watch(prefix, options, signal);
  }

  async catchUp(): Promise<void> {
    // What is acknowledged is visible.
  }

  async write(operations: readonly WriteOperation[]): Promise<WriteResult> {
    if (this.#failure) throw this.#failure;
    try {
      const revision = this.#issued + 1;
      const { changes, entries } = planWrite(operations, (key) => this.#newest(key), revision);
      if (changes.length === 0) {
        await this.#tail;
        return { revision: this.#keyspace.revision, entries };
      }
      this.#issued = revision;
      await this.#commit(changes, revision);
      return { revision, entries };
    } catch (error) {
      if (isKind(error, 'conflict')) await this.#tail;
      throw error;
    }
  }

  async compact(revision: number): Promise<void> {
    if (this.#failure) throw this.#failure;
    await this.#forget(this.#keyspace.compact(Math.min(revision, this.#keyspace.revision)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail.catch(() => undefined);
    this.#failure ??= wrap(new Error('it is closed'), 'write to the store');
    this.#watchers.close();
    await this.#journal.close();
  }

  #newest(key: string): Entry | undefined {
    const pending = this.#pending.get(key);
    return pending ? pending.entry : this.#keyspace.get(key);
  }

  #commit(changes: readonly Change[], revision: number): Promise<void> {
    for (const { type, entry } of changes) this.#pending.set(entry.key, { entry: type === 'put' ? entry : undefined, revision });
    const before = this.#tail;
    const generation = this.#generation;
    const visible = this.#journal.append(changes).then(
      () => before.then(() => this.#show(changes)),
      (error: unknown) => this.#fail(error, generation),
    );
    this.#tail = visible;
    return visible;
  }

  #show(changes: readonly Change[]): void {
    this.#keyspace.apply(changes);
    for (const { entry } of changes) {
      if (this.#pending.get(entry.key)?.revision === entry.modRevision) this.#pending.delete(entry.key);
    }
    this.#watchers.notify(changes);
    const rows = this.#keyspace.trim(this.#retention);
    // A failure is remembered: it meets the next writer.
    if (rows.length > 0) this.#forget(rows).catch(() => undefined);
  }

  async #forget(rows: readonly Obsolete[]): Promise<void> {
    const all = [...this.#owed, ...rows];
    this.#owed = [];
    try {
      await this.#journal.forget(all, this.#keyspace.compacted);
    } catch (error) {
      if (!(error instanceof NothingWritten)) throw this.#noteFailure(error);
      this.#owed = [...this.#owed, ...all];
      throw error;
    }
  }

  #fail(error: unknown, generation: number): never {
    if (!(error instanceof NothingWritten)) throw this.#noteFailure(error);
    // The first of those that were pending speaks for all of them.
    if (generation === this.#generation) this.#refusePending();
    throw wrap(error, 'write (nothing was written; try again)');
  }

  #refusePending(): void {
    this.#generation += 1;
    this.#pending.clear();
    this.#issued = this.#keyspace.revision;
    this.#tail = Promise.resolve();
  }

  #noteFailure(error: unknown): KindError {
    this.#failure ??= wrap(error, 'write to the store (it accepts no more until davit is restarted)');
    return this.#failure;
  }
}
