import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import { Ballast, ballastOf } from './ballast.ts';
import { idsPerRevision, type Answer, type Request } from './embedded-rows.ts';

/**
 * Writes the journal. Requests that arrive while a transaction is being synced to disk wait in the port
 * and become the next transaction together: one fsync for all of them (group commit).
 */
interface Journal {
  readonly database: DatabaseSync;
  readonly ballast: Ballast;
  readonly insert: StatementSync;
  readonly remove: StatementSync;
  readonly compacted: StatementSync;
}

type Queued = Request & { readonly epoch: number };

let journal: Journal | undefined;
/** Older requests are not carried out; Infinity: none is. */
let epoch = 0;
let queue: Queued[] = [];

function open(path: string): Journal {
  const database = new DatabaseSync(path);
  database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full; begin immediate; commit');
  const ballast = new Ballast(ballastOf(path));
  ballast.restore();
  return {
    database,
    ballast,
    insert: database.prepare('insert into changes (id, key, value, created, version) values (?, ?, ?, ?, ?)'),
    remove: database.prepare('delete from changes where id between ? and ? and key = ?'),
    compacted: database.prepare(`update facts set value = ? where name = 'compacted'`),
  };
}

function carryOut({ insert, remove, compacted }: Journal, request: Request): void {
  if (request.type === 'append') {
    for (const row of request.rows) insert.run(row.id, row.key, row.value, row.created, row.version);
  }
  if (request.type !== 'forget') return;
  for (const { key, revision } of request.rows) remove.run(revision * idsPerRevision, (revision + 1) * idsPerRevision - 1, key);
  compacted.run(request.compacted);
}

function flush(): void {
  const batch = queue.filter((request) => request.epoch >= epoch);
  queue = [];
  if (batch.length === 0) return;
  let failed = attempt(batch);
  if (failed !== undefined && saysFull(failed) && batch.some(frees) && journal?.ballast.release()) failed = attempt(batch);
  if (failed === undefined) {
    answer({ done: batch.length });
    return journal?.ballast.restore();
  }
  const isFull = saysFull(failed) && journal !== undefined;
  epoch = isFull ? epoch + 1 : Infinity;
  answer({ failed, isFull });
}

/** Why it failed; then nothing of it was done. */
function attempt(batch: readonly Request[]): string | undefined {
  try {
    commit(batch);
    return undefined;
  } catch (error) {
    rollBack();
    return error instanceof Error ? error.message : String(error);
  }
}

function saysFull(failed: string): boolean {
  return failed.includes('disk is full');
}

/** What is deleted here is, or has been, taken off the disk. */
function frees(request: Request): boolean {
  return request.type === 'append' && request.rows.some(({ value }) => value === null);
}

function rollBack(): void {
  if (journal?.database.isTransaction) journal.database.exec('rollback');
}

function commit(batch: readonly Request[]): void {
  const [first] = batch;
  if (first?.type === 'open') journal = open(first.path);
  if (!journal) throw new Error('not open');
  journal.database.exec('begin');
  for (const request of batch) carryOut(journal, request);
  journal.database.exec('commit');
  if (batch.at(-1)?.type === 'close') journal.database.close();
}

function answer(value: Answer): void {
  parentPort?.postMessage(value);
}

parentPort?.on('message', (request: Queued) => {
  if (queue.length === 0) setImmediate(flush);
  queue.push(request);
});
