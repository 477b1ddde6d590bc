import type { Content, Progress } from '../content.ts';
import { EtcdClient, type EtcdOptions } from './etcd-client.ts';
import { type KeyPlace, toEtcd } from './key-place.ts';
import { loadAll } from './load-all.ts';
import type { TxnOperation } from './messages.ts';

/** What etcd takes in one transaction unless told: 128 operations (--max-txn-ops), 1.5 MiB (--max-request-bytes). */
const batchLimit = { operations: 100, bytes: 1 << 20 };

export async function readEtcd(options: EtcdOptions, place: KeyPlace): Promise<Content> {
  using client = new EtcdClient(options);
  // Awaited here: the client lives until the last page is read.
  return await loadAll(client, place);
}

/**
 * Makes the store's part of etcd hold exactly this. Not at once: what is there is overwritten first, and what is too much
 * is deleted last, so doing it again after a failure completes it. Revisions are etcd's own.
 */
export async function writeEtcd(options: EtcdOptions, place: KeyPlace, { entries }: Content, progress: Progress): Promise<void> {
  using client = new EtcdClient(options);
  const wanted = new Set(entries.map(({ key }) => key));
  const superfluous = (await loadAll(client, place)).entries.filter(({ key }) => !wanted.has(key));
  const operations: readonly TxnOperation[] = [
    ...entries.map(({ key, value }) => ({ put: toEtcd(place, key), value, returnPrevious: false })),
    ...superfluous.map(({ key }) => ({ delete: toEtcd(place, key), returnPrevious: false })),
  ];
  let done = 0;
  for (const batch of batchesOf(operations)) {
    await client.txn({ conditions: [], operations: batch });
    done += batch.length;
    progress(done, operations.length);
  }
}

function* batchesOf(operations: readonly TxnOperation[]): Generator<readonly TxnOperation[]> {
  let [batch, bytes]: [TxnOperation[], number] = [[], 0];
  for (const operation of operations) {
    const size = 'put' in operation ? operation.value.length + operation.put.length : operation.delete.length;
    if (batch.length >= batchLimit.operations || (batch.length > 0 && bytes + size > batchLimit.bytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(operation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Forgets all history of all keys up to now. Returns that revision. */
export async function compactEtcd(options: EtcdOptions): Promise<number> {
  using client = new EtcdClient(options);
  const revision = await client.newestRevision();
  await client.compact(revision);
  return revision;
}

export interface MemberSize {
  readonly endpoint: string;
  readonly before: number;
  readonly after: number;
}

/** One member after the other; each answers nobody meanwhile. */
export async function defragmentEtcd(options: EtcdOptions): Promise<readonly MemberSize[]> {
  using client = new EtcdClient(options);
  const before = await client.statuses();
  await client.defragment();
  const after = await client.statuses();
  return before.map(({ endpoint, size }, index) => ({ endpoint, before: size, after: after[index]?.size ?? 0 }));
}
