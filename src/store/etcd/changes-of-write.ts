import { planWrite } from '../plan-write.ts';
import type { Change, Entry, WriteOperation } from '../store.ts';

/** What a write changed that etcd carried out as `revision`, on a mirror that shows everything before that revision. */
export function changesOfWrite(
  operations: readonly WriteOperation[],
  revision: number,
  shown: (key: string) => Entry | undefined,
): readonly Change[] {
  const unconditional = operations.map(({ ifRevision: _held, ...operation }) => operation);
  return planWrite(unconditional, shown, revision).changes;
}
