import { maxOperations } from './plan-write.ts';
import type { Change, Entry } from './store.ts';

/** Row `id` = revision × 4096 + position in the write; so a write has at most 4096 changes. */
export const idsPerRevision = maxOperations;

/** One change; `value` null for a delete. */
export interface Row {
  readonly id: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly created: number;
  readonly version: number;
}

/** What the main thread asks of the worker, with an `epoch`; it answers in order. */
export type Request =
  | { readonly type: 'open'; readonly path: string }
  | { readonly type: 'append'; readonly rows: readonly Row[] }
  | { readonly type: 'forget'; readonly rows: readonly { readonly key: string; readonly revision: number }[]; readonly compacted: number }
  | { readonly type: 'close' };

/**
 * So many more requests were carried out durably. Or one failed: nothing of it and of the others that were waiting was
 * written. When the disk was full, requests of the next epoch are tried again; otherwise none is.
 *
 *   main    append(0) append(0) append(0)             append(1)
 *   worker     done    full: epoch 1      (passed over)   done
 */
export type Answer = { readonly done: number } | { readonly failed: string; readonly isFull: boolean };

export function entryOf(row: Row): Entry {
  const modRevision = Math.floor(row.id / idsPerRevision);
  return { key: row.key, value: row.value ?? new Uint8Array(), createRevision: row.created, modRevision, version: row.version };
}

export function rowOf({ type, entry }: Change, position: number): Row {
  const id = entry.modRevision * idsPerRevision + position;
  return { id, key: entry.key, value: type === 'put' ? entry.value : null, created: entry.createRevision, version: entry.version };
}
