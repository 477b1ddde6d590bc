import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KindError, messageOf, wrap } from '../base/errors.ts';
import { isDiskFull } from './ballast.ts';
import type { Content, Progress } from './content.ts';
import { entryOf, idsPerRevision, type Row } from './embedded-rows.ts';
import { Keyspace } from './keyspace.ts';
import type { Entry } from './store.ts';

/** The file: one row per change that history or the newest state still needs; `compacted` is the newest forgotten revision. */
const schema = `
  pragma journal_mode = wal;
  create table if not exists changes (
    id integer primary key, key text not null, value blob, created integer not null, version integer not null);
  create table if not exists facts (name text primary key, value integer not null);
  insert or ignore into facts values ('compacted', 0), ('format', 1);
`;
const format = 1;

/** What a store's file holds; it is made when there is none. */
export function loadKeyspace(path: string): Keyspace {
  return withFile(path, (database) => {
    const compacted = fact(database, 'compacted');
    if (fact(database, 'format') !== format) throw new KindError('invalid', 'it was written by a newer davit: use that one');
    const rows = database.prepare('select id, key, value, created, version from changes order by id').iterate();
    return replay(rows as Iterable<unknown> as Iterable<Row>, compacted);
  });
}

/** The newest state in a store's or snapshot's file; the file must be there. */
export function readContent(path: string): Content {
  if (!existsSync(path)) throw new KindError('notFound', `${path}: there is no such file`);
  const keyspace = loadKeyspace(path);
  return { revision: keyspace.revision, entries: keyspace.range('').entries };
}

/** Makes a file that holds this and no history, whole or not at all. */
export function writeContent(path: string, { revision, entries }: Content, progress: Progress = () => undefined): void {
  const part = `${path}.part`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  removeFile(part);
  withFile(part, (database) => {
    const insert = database.prepare('insert into changes (id, key, value, created, version) values (?, ?, ?, ?, ?)');
    database.exec('begin');
    const positions = new Map<number, number>();
    for (const [index, entry] of entries.entries()) {
      const position = positions.get(entry.modRevision) ?? 0;
      positions.set(entry.modRevision, position + 1);
      insert.run(entry.modRevision * idsPerRevision + position, entry.key, entry.value, entry.createRevision, entry.version);
      progress(index + 1, entries.length);
    }
    database.prepare(`update facts set value = ? where name = 'compacted'`).run(revision);
    // One file without a journal beside it: it can be copied anywhere.
    database.exec('commit; pragma journal_mode = delete');
  });
  removeFile(path);
  renameSync(part, path);
}

/** Rewrites the file without its free pages. */
export function defragment(path: string): void {
  withFile(path, (database) => database.exec('vacuum; pragma wal_checkpoint(truncate)'));
}

/** Forgets all history: only the newest state stays. */
export function forgetHistory(path: string): Content {
  const content = readContent(path);
  writeContent(path, content);
  return content;
}

/** With the journal beside it. */
export function removeFile(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal', '-ballast']) rmSync(path + suffix, { force: true });
}

function withFile<T>(path: string, act: (database: DatabaseSync) => T): T {
  try {
    const database = new DatabaseSync(path);
    try {
      database.exec(schema);
      return act(database);
    } finally {
      database.close();
    }
  } catch (error) {
    throw explained(path, error);
  }
}

/** SQLite's texts, with the file and what to do. */
export function explained(path: string, error: unknown): KindError {
  const text = messageOf(error);
  const say = (why: string): KindError => new KindError('unavailable', `store ${path}: ${why}`, { cause: error });
  if (/locked|busy/i.test(text)) return say('another davit process is using it');
  if (/disk is full/i.test(text) || (/disk I\/O error/i.test(text) && isDiskFull(path))) return say('the disk is full: free some space');
  if (/malformed|not a database|no such column|has no column|disk I\/O error/i.test(text)) {
    return say(
      `the file is damaged (${text}). Restore a snapshot (davit store restore SNAPSHOT --force), or move the file and its -wal away to begin with an empty cluster`,
    );
  }
  return wrap(error, `store ${path}`);
}

function fact(database: DatabaseSync, name: string): number {
  return Number(database.prepare('select value from facts where name = ?').get(name)?.['value'] ?? 0);
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
