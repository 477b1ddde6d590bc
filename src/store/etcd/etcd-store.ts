import { delay } from '../../base/abort.ts';
import { delayMs } from '../../base/backoff.ts';
import { KindError, isKind, messageOf, wrap } from '../../base/errors.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { Keyspace, defaultRetention, type Retention } from '../keyspace.ts';
import { assertCondition, assertDistinct, keyOf } from '../plan-write.ts';
import type { Change, Entry, Range, RangeOptions, Store, WatchOptions, WriteOperation, WriteResult } from '../store.ts';
import { Watchers } from '../watchers.ts';
import { changesOfWrite } from './changes-of-write.ts';
import { EtcdClient, type EtcdOptions } from './etcd-client.ts';
import { KeyOrder } from './key-order.ts';
import { fromEtcd, type KeyPlace } from './key-place.ts';
import { loadAll } from './load-all.ts';
import type { TxnResponse, WatchEvent, WatchResponse } from './messages.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { SharedRun } from '../../base/shared-run.ts';
import { entriesOf, planTxn, txnRequest } from './txn-of-write.ts';

export interface EtcdStoreOptions extends EtcdOptions {
  readonly place: KeyPlace;
  readonly retention?: Retention;
  readonly log?: Log;
}

/** Opens the store that lives in etcd; `unavailable` when no endpoint answers. The caller owns it. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const client = new EtcdClient(options);
  try {
    const store = new EtcdStore(client, options);
    await store.open();
    return store;
  } catch (error) {
    client[Symbol.dispose]();
    throw wrap(error, `open the store in etcd (${options.endpoints.join(', ')})`);
  }
}

const backoff = { initialMs: 50, maxMs: 2_000 };
const visibleWithinMs = 15_000;

/**
 * The store in etcd, mirrored in memory: reads never leave the process.
 *
 *   write() ──transaction──► etcd ──watch, or the answer if its revision is next──► mirror ──► watchers, caller
 *   catchUp() ──linearizable read of the newest revision──► wait until the mirror has it
 *
 * The watch follows every key of etcd, not only the store's: each revision then brings an event, so having seen
 * revision N means having seen everything up to N. See docs/design/etcd.md.
 */
class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #place: KeyPlace;
  readonly #retention: Retention;
  readonly #log: Log;
  readonly #keyspace = new Keyspace();
  readonly #watchers = new Watchers(this.#keyspace);
  readonly #waiters = new RevisionWaiters();
  /** Own writes that etcd has answered and the mirror does not show yet, by revision. */
  readonly #ahead = new Map<number, readonly WriteOperation[]>();
  readonly #order = new KeyOrder();
  readonly #closing = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #newest: SharedRun<number>;
  #following: Promise<void> = Promise.resolve();

  constructor(client: EtcdClient, { place, retention = defaultRetention, log = silentLog }: EtcdStoreOptions) {
    this.#client = client;
    this.#place = place;
    this.#retention = retention;
    this.#log = log;
    this.#newest = new SharedRun(() => client.newestRevision());
  }

  async open(): Promise<void> {
    await this.#load();
    this.#following = this.#follow();
    const late = setTimeout(() => this.#opened.reject(new KindError('unavailable', 'etcd does not answer a watch')), visibleWithinMs);
    try {
      await this.#opened.promise;
    } catch (error) {
      this.#closing.abort();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  get revision(): number {
    return this.#keyspace.revision;
  }

  async catchUp(): Promise<void> {
    this.#assertOpen();
    await this.#visible(await this.#newest.run());
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

  async write(operations: readonly WriteOperation[]): Promise<WriteResult> {
    this.#assertOpen();
    assertDistinct(operations);
    return this.#order.run(operations.map(keyOf), () => this.#commit(operations));
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    const target = Math.min(revision, this.#keyspace.revision);
    try {
      await this.#client.compact(target);
    } catch (error) {
      // Somebody has compacted further.
      if (!isKind(error, 'expired')) throw error;
    }
    this.#keyspace.compact(target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#watchers.close();
    this.#waiters.fail(closed());
    await this.#following;
    this.#client[Symbol.dispose]();
  }

  async #commit(operations: readonly WriteOperation[]): Promise<WriteResult> {
    const plan = planTxn(operations, (key) => this.#keyspace.get(key));
    const response = await this.#client.txn(txnRequest(plan, this.#place));
    const changed = response.deleted > 0 || operations.some((operation) => 'put' in operation);
    if (response.succeeded && changed && response.revision > this.#keyspace.revision) {
      this.#ahead.set(response.revision, operations);
      this.#showAhead();
    }
    await this.#visible(response.revision);
    if (!response.succeeded) throw conflictOf(operations, response);
    const entries = entriesOf(plan, response).map((entry) => this.#shared(entry));
    return { revision: changed ? response.revision : this.#keyspace.revision, entries };
  }

  /** The mirror's own object where it has the same entry: what readers derive from it (decoded objects) is shared. */
  #shared(entry: Entry | undefined): Entry | undefined {
    const shown = entry && this.#keyspace.get(entry.key);
    return shown?.modRevision === entry?.modRevision ? shown : entry;
  }

  /** A revision is one transaction: the next one, if it is this process's own, need not wait for the watch. */
  #showAhead(): void {
    for (let operations = this.#nextAhead(); operations; operations = this.#nextAhead()) {
      const changes = changesOfWrite(operations, this.#keyspace.revision + 1, (key) => this.#keyspace.get(key));
      this.#keyspace.apply(changes);
      this.#shown(changes);
    }
  }

  #nextAhead(): readonly WriteOperation[] | undefined {
    for (const revision of this.#ahead.keys()) if (revision <= this.#keyspace.revision) this.#ahead.delete(revision);
    return this.#ahead.get(this.#keyspace.revision + 1);
  }

  #shown(changes: readonly Change[]): void {
    this.#watchers.notify(changes);
    this.#keyspace.trim(this.#retention);
    this.#waiters.reached(this.#keyspace.revision);
  }

  #visible(revision: number): Promise<void> | void {
    if (this.#keyspace.revision >= revision) return;
    return this.#waiters.wait(revision, visibleWithinMs);
  }

  async #load(): Promise<void> {
    const { entries, revision } = await loadAll(this.#client, this.#place);
    this.#keyspace.replace(entries, revision);
    this.#watchers.notifyAll();
    this.#waiters.reached(revision);
  }

  /** Keeps the mirror up to date: one watch after the other, each from where the last one broke. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const from = this.#keyspace.revision + 1;
        await this.#client.watchAll(from, (response) => this.#take(response, () => (failures = 0)), signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isKind(error, 'forbidden') || isKind(error, 'unauthorized')) this.#opened.reject(error);
        this.#log.warn({ revision: this.#keyspace.revision, error: messageOf(error) }, 'the watch of etcd broke: going on elsewhere');
        await this.#recover(error, failures);
      }
    }
  }

  async #recover(error: unknown, failures: number): Promise<void> {
    try {
      if (isKind(error, 'expired')) await this.#load();
      // The first endpoint after a break is tried at once.
      else if (failures > 0) await delay(delayMs(backoff, failures - 1), this.#closing.signal);
    } catch (loadError) {
      if (isKind(loadError, 'canceled')) return;
      this.#log.warn({ error: messageOf(loadError) }, 'etcd could not be read anew');
    }
  }

  #take(response: WatchResponse, started: () => void): void {
    if (response.compactRevision > 0) throw new KindError('expired', `etcd has compacted up to revision ${response.compactRevision}`);
    if (response.isCanceled) throw new KindError('unavailable', `etcd ended the watch: ${response.cancelReason}`);
    if (response.isCreated) {
      started();
      this.#opened.resolve();
      return; // Its revision is the member's, not a promise that everything up to it has been sent.
    }
    // All events of a revision come in one response; those of own writes may have been shown already.
    const known = this.#keyspace.revision;
    const changes: Change[] = [];
    for (const event of response.events) if (event.entry.modRevision > known) this.#applyEvent(event, changes);
    this.#keyspace.advance(response.events.at(-1)?.entry.modRevision ?? response.revision);
    this.#shown(changes);
    this.#showAhead();
  }

  #applyEvent({ type, entry }: WatchEvent, changes: Change[]): void {
    const key = fromEtcd(this.#place, entry.key);
    if (key === undefined) return;
    const previous = this.#keyspace.get(key);
    const change: Change = {
      type,
      entry: { ...(type === 'put' ? entry : (previous ?? entry)), key, modRevision: entry.modRevision },
      previous,
    };
    this.#keyspace.apply([change]);
    changes.push(change);
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw closed();
  }
}

function closed(): KindError {
  return new KindError('unavailable', 'the store is closed');
}

function conflictOf(operations: readonly WriteOperation[], { found }: TxnResponse): Error {
  const conditional = operations.filter((operation) => operation.ifRevision !== undefined);
  try {
    for (const [index, operation] of conditional.entries()) assertCondition(operation, found[index]?.modRevision ?? 0);
  } catch (conflict) {
    return conflict as Error;
  }
  return new Error('etcd refused a write whose conditions all hold');
}
