/**
 * Revisioned key-value store with watch, the shape of etcd v3's MVCC: one counter for the whole store,
 * each write gets the next revision, each watcher sees every change of its prefix once and in order.
 *
 *   put /a → rev 1,  put /b → rev 2,  put /a → rev 3:   get /a = { modRevision: 3, createRevision: 1, version: 2 }
 *   watch('/a', { after: 1 }) → put /a @3
 */
export interface Store extends AsyncDisposable {
  /** Revision of the newest write that is visible here. */
  readonly revision: number;
  /**
   * Reads come from memory. They see every write of this process that was acknowledged; what others acknowledged
   * before the call (another API server on the same etcd), they see once this is resolved.
   */
  catchUp(): Promise<void>;
  get(key: string): Entry | undefined;
  /** Keys with the prefix, in byte order. */
  range(prefix: string, options?: RangeOptions): Range;
  /** Changes of the prefix after a revision, in order, up to `revision`; `expired` when that one was forgotten. */
  changesAfter(revision: number, prefix: string): readonly Change[];
  /**
   * Applies all operations as one revision, durably: resolved = survives kill -9 and power loss.
   * A failed condition throws `conflict` and nothing is written; its `details` is the ConflictDetails.
   * Conditions are checked against the newest state at call time; concurrent calls for a key are ordered.
   * `unavailable` leaves open whether it was written.
   */
  write(operations: readonly WriteOperation[]): Promise<WriteResult>;
  /** Batches of changes after a revision, in order. `expired` when that revision was compacted; ends when the signal aborts. */
  watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncIterable<readonly Change[]>;
  /** Forgets history up to and including the revision. */
  compact(revision: number): Promise<void>;
}

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Writes since creation, from 1. */
  readonly version: number;
}

export interface RangeOptions {
  readonly limit?: number;
  /** First key greater than this one. */
  readonly after?: string;
  /** Read the past; `expired` when compacted. Implementations keep at least the newest 10,000 changes. */
  readonly revision?: number;
}

export interface Range {
  readonly entries: readonly Entry[];
  /** The store revision at which this was read. */
  readonly revision: number;
  /** Entries beyond the limit. */
  readonly remaining: number;
}

export interface WatchOptions {
  readonly after: number;
  /**
   * Called at the start with the way to ask up to which revision the reader has taken everything that concerns it,
   * a revision to watch on from; undefined while it is behind.
   */
  readonly progress?: (taken: () => number | undefined) => void;
}

export type WriteOperation =
  | {
      readonly put: string;
      readonly value: Uint8Array;
      /** modRevision that the key must have; 0 = must not exist; undefined = whatever. */
      readonly ifRevision?: number;
    }
  | { readonly delete: string; readonly ifRevision?: number };

export interface ConflictDetails {
  readonly key: string;
  readonly wanted: number;
  /** 0 when the key does not exist. */
  readonly actual: number;
}

export interface WriteResult {
  readonly revision: number;
  /** One per operation: the new entry of a put, the removed entry of a delete (undefined when there was none). */
  readonly entries: readonly (Entry | undefined)[];
}

export interface Change {
  readonly type: 'put' | 'delete';
  /** For a delete: the key, modRevision of the delete, and the value before it. */
  readonly entry: Entry;
  /** The entry before this change; undefined on creation. */
  readonly previous: Entry | undefined;
}
