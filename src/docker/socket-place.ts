import { chmod, chown, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { KindError, systemCode } from '../base/errors.ts';

/** Where clients find the engine. */
export interface SocketPlace {
  readonly path: string;
  /** Its members may use the engine, which makes them root in effect; `docker` is dockerd's. Nobody's when there is no such group. */
  readonly group?: string;
}

let made = 0;

/**
 * Listens at a place with mode 0660. The socket of an engine that has died is replaced; one on which somebody answers, and
 * anything that is no socket, is left alone and told. It appears whole, with its owner: listening happens beside it.
 */
export async function listenAt(server: Server, { path, group }: SocketPlace): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  await checkFree(path);
  made += 1;
  const beside = join(dirname(path), `.${process.pid}.${made}`);
  await listen(server, beside);
  await chmod(beside, 0o660);
  const gid = group === undefined ? undefined : await groupId(group);
  if (gid !== undefined) await chown(beside, 0, gid);
  const { ino, dev } = await lstat(beside);
  await rename(beside, path);
  return {
    async [Symbol.asyncDispose]() {
      const now = await lstat(path).catch(() => undefined);
      // Somebody else may have put a socket of theirs there.
      if (now?.ino === ino && now.dev === dev) await rm(path, { force: true });
    },
  };
}

/** Takes away what an engine that was killed left at its place. */
export async function removeStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isSocket() && !(await isServed(path))) await rm(path, { force: true });
}

async function checkFree(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (stat && !stat.isSocket() && !stat.isSymbolicLink())
    throw new KindError('conflict', `${path} is there and is no socket: move it away, or name another place with --docker-socket`);
  if (await isServed(path))
    throw new KindError('conflict', `another engine answers on ${path}: stop it, or name another place with --docker-socket`);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/** `docker:x:998:ann,bob` → 998. */
async function groupId(name: string): Promise<number | undefined> {
  const text = await readFile('/etc/group', 'utf8').catch(() => '');
  const line = text.split('\n').find((each) => each.startsWith(`${name}:`));
  const gid = Number(line?.split(':')[2] || Number.NaN);
  return Number.isInteger(gid) ? gid : undefined;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
