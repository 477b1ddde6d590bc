import { isKind, wrap, type KindError } from '../base/errors.ts';
import type { Journal } from './journal.ts';
import { defaultRetention, Keyspace, type Retention } from './keyspace.ts';
import { planWrite } from './plan-write.ts';
import type { Change, Entry, Range, RangeOptions, Store, WriteOperation, WriteResult } from './store.ts';
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
 * so that whoever reads again sees what it conflicted with. When the journal fails, nothing is accepted any more.
 */
export class JournaledStore implements Store {
  readonly #keyspace: Keyspace;
  readonly #watchers: Watchers;
  readonly #journal: Journal;
  readonly #retention: Retention;
  readonly #pending = new Map<string, Pending>();
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

  watch(prefix: string, options: { readonly after: number }, signal: AbortSignal): AsyncIterable<readonly Change[]> {
    return this.#watchers.watch(prefix, options.after, signal);
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
    const rows = this.#keyspace.compact(Math.min(revision, this.#keyspace.revision));
    await this.#journal.forget(rows, this.#keyspace.compacted);
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
    const visible = this.#journal.append(changes).then(
      () => before.then(() => this.#show(changes)),
      (error: unknown) => this.#fail(error),
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
    if (rows.length === 0) return;
    this.#journal.forget(rows, this.#keyspace.compacted).catch((error: unknown) => this.#noteFailure(error));
  }

  #fail(error: unknown): never {
    throw this.#noteFailure(error);
  }

  #noteFailure(error: unknown): KindError {
    this.#failure ??= wrap(error, 'write to the store (it accepts no more until davit is restarted)');
    return this.#failure;
  }
}
