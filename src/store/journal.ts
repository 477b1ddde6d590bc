import { KindError } from '../base/errors.ts';
import type { Obsolete } from './keyspace.ts';
import type { Change } from './store.ts';

/** Nothing of this call and of those that were waiting behind it was written; later calls may be. */
export class NothingWritten extends KindError {
  constructor(cause: KindError) {
    super(cause.kind, cause.message, { cause });
  }
}

/** Where changes are kept. Calls are carried out in order; after any failure but NothingWritten every later call fails. */
export interface Journal {
  /** Resolved = survives power loss. The changes are one revision: all or nothing. */
  append(changes: readonly Change[]): Promise<void>;
  /** History up to `compacted` is no longer readable, and these rows are not needed. */
  forget(rows: readonly Obsolete[], compacted: number): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing. */
export const noJournal: Journal = {
  append: async () => undefined,
  forget: async () => undefined,
  close: async () => undefined,
};
