import { KindError } from '../base/errors.ts';
import type { Change, ConflictDetails, Entry, WriteOperation } from './store.ts';

export interface WritePlan {
  readonly changes: readonly Change[];
  /** As in WriteResult. */
  readonly entries: readonly (Entry | undefined)[];
}

/** Journals number the changes of one revision within this. */
export const maxOperations = 4096;

const nothing = new Uint8Array();

/** What the operations change when they become `revision`; throws `conflict` when a condition does not hold in `newest`. */
export function planWrite(operations: readonly WriteOperation[], newest: (key: string) => Entry | undefined, revision: number): WritePlan {
  if (operations.length > maxOperations) throw new KindError('invalid', `a write has at most ${maxOperations} operations`);
  assertDistinct(operations);
  for (const operation of operations) assertCondition(operation, newest(keyOf(operation))?.modRevision ?? 0);
  const changes: Change[] = [];
  const entries = operations.map((operation) => {
    const previous = newest(keyOf(operation));
    if ('delete' in operation) {
      if (previous) changes.push({ type: 'delete', entry: { ...previous, modRevision: revision }, previous });
      return previous;
    }
    const entry = nextEntry(operation.put, operation.value, previous, revision);
    changes.push({ type: 'put', entry, previous });
    return entry;
  });
  return { changes, entries };
}

function nextEntry(key: string, value: Uint8Array, previous: Entry | undefined, revision: number): Entry {
  return {
    key,
    value: value.length === 0 ? nothing : value,
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
    version: (previous?.version ?? 0) + 1,
  };
}

export function assertDistinct(operations: readonly WriteOperation[]): void {
  const keys = operations.map(keyOf);
  if (new Set(keys).size !== keys.length) throw new KindError('invalid', 'write names the same key twice');
}

export function keyOf(operation: WriteOperation): string {
  return 'put' in operation ? operation.put : operation.delete;
}

/** `actual`: the revision that the key is at, 0 when it does not exist. */
export function assertCondition(operation: WriteOperation, actual: number): void {
  if (operation.ifRevision === undefined || operation.ifRevision === actual) return;
  const details: ConflictDetails = { key: keyOf(operation), wanted: operation.ifRevision, actual };
  throw new KindError('conflict', `write ${details.key}: wanted revision ${details.wanted}, it is at ${actual}`, { details });
}
