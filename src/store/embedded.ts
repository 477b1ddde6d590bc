import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { KindError, messageOf, wrap } from '../base/errors.ts';
import { workerUrl } from '../base/worker-url.ts';
import type { Journal } from './journal.ts';
import { entryOf, rowOf, type Answer, type Request, type Row } from './embedded-rows.ts';
import { JournaledStore } from './journaled-store.ts';
import { Keyspace, type Retention } from './keyspace.ts';
import type { Entry, Store } from './store.ts';

/** The file: one row per change that history or the newest state still needs; `compacted` is the newest forgotten revision. */
const schema = `
  pragma journal_mode = wal;
  create table if not exists changes (
    id integer primary key, key text not null, value blob, created integer not null, version integer not null);
  create table if not exists facts (name text primary key, value integer not null);
  insert or ignore into facts values ('compacted', 0), ('format', 1);
`;

/** Opens or creates the store in one SQLite file. `unavailable` when another process has it open. */
export async function openStore(options: { readonly path: string; readonly retention?: Retention }): Promise<Store> {
  mkdirSync(dirname(options.path), { recursive: true });
  const worker = new Worker(workerUrl('embedded', import.meta.url));
  try {
    // The worker starts while this thread reads; it opens the file after this connection is closed.
    const keyspace = load(options.path);
    const journal = workerJournal(worker);
    await journal.open(options.path);
    return new JournaledStore(journal, keyspace, options.retention);
  } catch (error) {
    await worker.terminate();
    const busy = /locked|busy/i.test(messageOf(error));
    if (busy) throw new KindError('unavailable', `open store ${options.path}: another davit process is using it`, { cause: error });
    throw wrap(error, `open store ${options.path}`);
  }
}

function load(path: string): Keyspace {
  const database = new DatabaseSync(path);
  try {
    database.exec(schema);
    const compacted = Number(database.prepare(`select value from facts where name = 'compacted'`).get()?.['value'] ?? 0);
    const rows = database.prepare('select id, key, value, created, version from changes order by id').iterate();
    return replay(rows as Iterable<unknown> as Iterable<Row>, compacted);
  } finally {
    database.close();
  }
}

function replay(rows: Iterable<Row>, compacted: number): Keyspace {
  const keyspace = new Keyspace();
  const base = new Map<string, Entry>();
  let restored = false;
  for (const row of rows) {
    const entry = entryOf(row);
    if (entry.modRevision <= compacted) {
      if (row.value === null) base.delete(row.key);
      else base.set(row.key, entry);
      continue;
    }
    if (!restored) keyspace.restore([...base.values()], compacted);
    restored = true;
    const previous = keyspace.get(row.key);
    const deleted = { ...(previous ?? entry), modRevision: entry.modRevision };
    keyspace.apply([row.value === null ? { type: 'delete', entry: deleted, previous } : { type: 'put', entry, previous }]);
  }
  if (!restored) keyspace.restore([...base.values()], compacted);
  return keyspace;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function workerJournal(worker: Worker): Journal & { open(path: string): Promise<void> } {
  const waiting: Waiting[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (answer: Answer) => {
    if ('failed' in answer) return fail(new Error(answer.failed));
    for (const { resolve } of waiting.splice(0, answer.done)) resolve();
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the store is closed')));
  const ask = (request: Request): Promise<void> => {
    if (failure) return Promise.reject(failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ resolve, reject });
    worker.postMessage(request);
    return promise;
  };
  return {
    open: (path) => ask({ type: 'open', path }),
    append: (changes) => ask({ type: 'append', rows: changes.map(rowOf) }),
    forget: (rows, compacted) => ask({ type: 'forget', rows, compacted }),
    close: async () => {
      await ask({ type: 'close' }).catch(() => undefined);
      await worker.terminate();
    },
  };
}
