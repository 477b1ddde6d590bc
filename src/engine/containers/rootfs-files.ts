import { closeSync, constants, fstatSync, readdirSync, readFileSync } from 'node:fs';
import { isKind } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { ContainerSpec, ResolvedMount } from './container.ts';
import { resolveUser, type ResolvedUser } from './user.ts';

/** Reads a small text file of an image; symlinks stay inside the root, anything but a regular file is empty. */
function readInside(root: Root, path: string): string {
  let fd: number | undefined;
  try {
    fd = root.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size < 4_000_000 ? readFileSync(fd, 'utf8') : '';
  } catch (error) {
    if (isKind(error, 'notFound') || fd === undefined) return '';
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A user of the image whose root is mounted at `rootfs`. */
export function userInside(rootfs: string, user: string, groupAdd: readonly string[]): ResolvedUser {
  if (/^\d+:\d+$/.test(user) && groupAdd.length === 0) {
    const [uid, gid] = user.split(':').map(Number);
    if (uid !== 0) return resolveUser(`${uid}:${gid}`, { passwd: passwdOf(rootfs), group: '' });
  }
  using root = new Root(rootfs);
  return resolveUser(user, { passwd: readInside(root, 'etc/passwd'), group: readInside(root, 'etc/group') }, groupAdd);
}

function passwdOf(rootfs: string): string {
  using root = new Root(rootfs);
  return readInside(root, 'etc/passwd');
}

/** Volumes start with what the image has at their place, unless asked not to or only a part of them is wanted. */
export function isPopulated({ mounts = [] }: ContainerSpec, mount: ResolvedMount): boolean {
  const asked = mounts.find(({ target }) => target === mount.target);
  return mount.type === 'volume' && !mount.subpath && !(asked?.type === 'volume' && asked.noCopy);
}

/** Fills an empty volume with what the image has at its target, with owner, mode and attributes of the directory itself. */
export async function populateVolume(kernel: Kernel, rootfs: string, mount: ResolvedMount): Promise<void> {
  if (readdirSync(mount.source).length > 0) return;
  using root = new Root(rootfs);
  const path = bytesOf(mount.target.slice(1));
  if (!root.statTarget(path)?.isDirectory()) return;
  const fd = root.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // Through the descriptor, so that no symlink of the image can lead elsewhere.
    const { exitCode, stderr } = await kernel.processes.run(['cp', '-a', '-T', `/proc/${process.pid}/fd/${fd}/`, mount.source]);
    if (exitCode !== 0) throw new Error(`populate volume ${mount.name}: ${stderr.trim()}`);
  } finally {
    closeSync(fd);
  }
}
