import { existsSync, statSync } from 'node:fs';
import { isKind, KindError } from '../base/errors.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import type { Content, Progress } from '../store/content.ts';
import { defragment, forgetHistory, readContent, writeContent } from '../store/embedded-file.ts';
import { compactEtcd, defragmentEtcd, readEtcd, writeEtcd, type MemberSize } from '../store/etcd/etcd-content.ts';
import type { KeyPlace } from '../store/etcd/key-place.ts';
import { type Config, pathsOf } from './config.ts';
import { readRoles } from './role-file.ts';
import { etcdOptions } from './server-store.ts';

export type Backend = Config['store'];

/**
 * After a restore the store counts on from here beyond the newest revision that it, or the snapshot, had: whatever a client
 * saw before is then in the past and expired, never mistaken for a position in the new history.
 */
const revisionJump = 1_000_000;

/** Everything the API server keeps, in one file that `restoreStore` reads. With etcd the server may run. */
export async function snapshotStore(config: Config, file: string, progress: Progress): Promise<Content> {
  if (existsSync(file)) throw new KindError('alreadyExists', `${file} exists: choose another name, or remove it`);
  const content = await read(config, config.store);
  writeContent(file, content, progress);
  return content;
}

/** Makes the store hold what a snapshot holds, and nothing else. */
export async function restoreStore(config: Config, file: string, isForced: boolean, progress: Progress): Promise<Content> {
  const content = readContent(file);
  await write(config, config.store, content, isForced, progress);
  return content;
}

/** Copies one backend's content to the other. */
export async function importStore(
  config: Config,
  { from, to, isForced }: { readonly from: Backend; readonly to: Backend; readonly isForced: boolean },
  progress: Progress,
): Promise<Content> {
  if (from === to) throw new KindError('invalid', `nothing to import: --from and --to are both ${from}`);
  const content = await read(config, from);
  await write(config, to, content, isForced, progress);
  return content;
}

/** Forgets all history; returns the newest revision. */
export async function compactStore(config: Config): Promise<number> {
  if (config.store === 'etcd') return compactEtcd(etcdOptions(config));
  assertServerDown(config);
  return forgetHistory(pathsOf(config).serverStore).revision;
}

/** Gives free pages back to the disk; the sizes in bytes of each file. */
export async function defragmentStore(config: Config): Promise<readonly MemberSize[]> {
  if (config.store === 'etcd') return defragmentEtcd(etcdOptions(config));
  assertServerDown(config);
  const path = pathsOf(config).serverStore;
  if (!existsSync(path)) throw new KindError('notFound', `${path}: there is no such file`);
  const before = statSync(path).size;
  defragment(path);
  return [{ endpoint: path, before, after: statSync(path).size }];
}

async function read(config: Config, backend: Backend): Promise<Content> {
  if (backend === 'etcd') return readEtcd(etcdOptions(config), placeOf(config));
  assertServerDown(config);
  return readContent(pathsOf(config).serverStore);
}

async function write(config: Config, backend: Backend, content: Content, isForced: boolean, progress: Progress): Promise<void> {
  assertServerDown(config);
  const where = backend === 'etcd' ? `etcd below ${config.etcdPrefix}` : pathsOf(config).serverStore;
  const present = await contentIfAny(config, backend, isForced);
  if (present && present.entries.length > 0 && !isForced) {
    throw new KindError('alreadyExists', `${where} holds ${present.entries.length} objects: --force replaces them`);
  }
  if (backend === 'etcd') return writeEtcd(etcdOptions(config), placeOf(config), content, progress);
  const revision = Math.max(content.revision, present?.revision ?? 0) + revisionJump;
  writeContent(pathsOf(config).serverStore, { ...content, revision }, progress);
}

/** What is there now; undefined when there is nothing, or when it is damaged and may be replaced. */
async function contentIfAny(config: Config, backend: Backend, isForced: boolean): Promise<Content | undefined> {
  try {
    return await read(config, backend);
  } catch (error) {
    if (isKind(error, 'notFound') || (isForced && backend === 'embedded')) return undefined;
    throw error;
  }
}

function placeOf(config: Config): KeyPlace {
  return { own: '/registry', etcd: config.etcdPrefix };
}

function assertServerDown(config: Config): void {
  const server = readRoles(config.runRoot).find(({ role, pid, startTime }) => role === 'server' && hostStartTime(pid) === startTime);
  if (!server) return;
  throw new KindError(
    'conflict',
    `davit server (pid ${server.pid}) is using the store: run \`davit down --keep-containers\` first, and \`davit up\` afterwards`,
  );
}
