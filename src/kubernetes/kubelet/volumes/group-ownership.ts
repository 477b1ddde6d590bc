import { constants } from 'node:fs';
import { lchown, lstat, open, readdir, realpath, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../../base/errors.ts';

export interface GroupOwnership {
  readonly gid: number;
  /** What nobody writes into is only made readable. */
  readonly readOnly: boolean;
  /** fsGroupChangePolicy OnRootMismatch: the walk is spared when the top already is as it should be. */
  readonly onRootMismatch: boolean;
}

const setgid = 0o2000;
const enter = 0o110;

/**
 * Gives a volume to fsGroup, with upstream's modes: files `| 0660` (read-only: `| 0440`), directories also `| 02110`, so that what is made
 * inside belongs to the group too. kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-the-security-context-for-a-pod
 *
 * Each step goes through the descriptor of its directory, without following links: a container that swaps names meanwhile changes nothing
 * outside of the volume.
 */
export async function ownByGroup(root: string, wanted: GroupOwnership): Promise<void> {
  const path = await realpath(root);
  const top = await lstat(path);
  const mode = wantedMode(top.mode, top.isDirectory(), wanted);
  if (wanted.onRootMismatch && top.gid === wanted.gid && mode === (top.mode & 0o7777)) return;
  await own(path, wanted);
}

function wantedMode(mode: number, isDirectory: boolean, { readOnly }: GroupOwnership): number {
  return (mode & 0o7777) | (readOnly ? 0o440 : 0o660) | (isDirectory ? setgid | enter : 0);
}

async function own(path: string, wanted: GroupOwnership): Promise<void> {
  const found = await lstat(path);
  await lchown(path, found.uid, wanted.gid);
  if (!found.isFile() && !found.isDirectory()) return;
  await using handle = await opened(path);
  if (!handle) return;
  const { mode } = await handle.stat();
  await handle.chmod(wantedMode(mode, found.isDirectory(), wanted));
  if (!found.isDirectory()) return;
  const inside = `/proc/self/fd/${handle.fd}`;
  for (const name of await readdir(inside)) await own(`${inside}/${name}`, wanted).catch(ignoreGone);
}

/** Undefined: it has become a link meanwhile. */
async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ELOOP') return undefined;
    throw error;
  }
}

function ignoreGone(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
