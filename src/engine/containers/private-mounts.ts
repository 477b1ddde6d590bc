import { closeSync, existsSync, fstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKind, KindError } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { Mounts } from '../../kernel/mounts.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerPaths } from './paths.ts';

const pathOnly = 0o10000000;

/** Mounts on the host that live as long as one run: a shared /dev/shm, and parts of volumes. Never inside a folder that is removed as a whole. */
export function makeShm(mounts: Mounts, paths: Pick<ContainerPaths, 'binds'>, bytes: number): string {
  const target = join(paths.binds, 'shm');
  mkdirSync(target, { recursive: true });
  mounts.mount({ type: 'tmpfs', source: 'shm', target, options: ['nosuid', 'nodev', 'noexec', 'mode=1777', `size=${bytes}`] });
  return target;
}

/**
 * The host path of each mount. A part of a volume is found by the kernel inside the volume (no symlink leads out, whoever
 * changes it meanwhile), bound by its descriptor to a place of ours, and this is what the runtime gets.
 */
export function bindSubpaths(mounts: Mounts, record: ContainerRecord, paths: Pick<ContainerPaths, 'binds'>): ContainerRecord['mounts'] {
  return record.mounts.map((mount, index) => {
    if (!mount.subpath) return mount;
    using root = new Root(mount.source);
    const fd = openPart(root, mount.subpath, mount.name ?? '');
    const target = join(paths.binds, String(index));
    try {
      mkdirSync(paths.binds, { recursive: true });
      if (fstatSync(fd).isDirectory()) mkdirSync(target, { recursive: true });
      else writeFileSync(target, '');
      mounts.mount({ type: 'bind', source: `/proc/self/fd/${fd}`, target, options: ['rbind'] });
    } finally {
      closeSync(fd);
    }
    return { ...mount, source: target };
  });
}

function openPart(root: Root, subpath: string, volume: string): number {
  try {
    return root.open(bytesOf(subpath), pathOnly);
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    throw new KindError('invalid', `cannot access path ${subpath} of volume ${volume}: no such file or directory`, { cause: error });
  }
}

/** Harmless when repeated; removes only what is empty once nothing is mounted there. */
export function releasePrivateMounts(mounts: Mounts, paths: Pick<ContainerPaths, 'binds'>): void {
  if (!existsSync(paths.binds)) return;
  for (const entry of readdirSync(paths.binds)) {
    const target = join(paths.binds, entry);
    mounts.unmount(target);
    try {
      rmdirSync(target);
    } catch {
      unlinkSync(target);
    }
  }
  rmdirSync(paths.binds);
}
