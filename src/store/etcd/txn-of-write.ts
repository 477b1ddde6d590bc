import { keyOf } from '../plan-write.ts';
import type { Entry, WriteOperation } from '../store.ts';
import { type KeyPlace, toEtcd } from './key-place.ts';
import type { KeyValue, TxnRequest, TxnResponse } from './messages.ts';

/** A write with, for each operation, the entry it replaces: known already, known not to be there (null), or to be told by etcd (undefined). */
export interface PlannedTxn {
  readonly operations: readonly WriteOperation[];
  readonly previous: readonly (Entry | null | undefined)[];
}

/** `cached`: what a key was a moment ago. Where the condition names the same revision, etcd need not send it again. */
export function planTxn(operations: readonly WriteOperation[], cached: (key: string) => Entry | undefined): PlannedTxn {
  const previous = operations.map((operation) => {
    if (operation.ifRevision === 0) return null;
    const entry = cached(keyOf(operation));
    return entry && entry.modRevision === operation.ifRevision ? entry : undefined;
  });
  return { operations, previous };
}

export function txnRequest({ operations, previous }: PlannedTxn, place: KeyPlace): TxnRequest {
  return {
    conditions: operations.flatMap((operation) =>
      operation.ifRevision === undefined ? [] : [{ key: toEtcd(place, keyOf(operation)), modRevision: operation.ifRevision }],
    ),
    operations: operations.map((operation, index) => {
      const returnPrevious = previous[index] === undefined;
      if ('delete' in operation) return { delete: toEtcd(place, operation.delete), returnPrevious };
      return { put: toEtcd(place, operation.put), value: operation.value, returnPrevious };
    }),
  };
}

/** As in WriteResult. */
export function entriesOf({ operations, previous }: PlannedTxn, { revision, found }: TxnResponse): readonly (Entry | undefined)[] {
  return operations.map((operation, index) => {
    const before = entryOr(previous[index], found[index], keyOf(operation));
    if ('delete' in operation) return before;
    const { createRevision = revision, version = 0 } = before ?? {};
    return { key: operation.put, value: operation.value, createRevision, modRevision: revision, version: version + 1 };
  });
}

function entryOr(known: Entry | null | undefined, told: KeyValue | undefined, key: string): Entry | undefined {
  if (known !== undefined) return known ?? undefined;
  return told && { ...told, key };
}
