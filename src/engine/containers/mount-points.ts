import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { Places } from '../snapshots/init-layer.ts';
import type { ContainerSpec } from './container.ts';

/** What the runtime mounts over, and what programs expect; as moby has them. */
const podPlaces: Places = {
  dev: 'directory',
  'dev/pts': 'directory',
  'dev/shm': 'directory',
  'dev/console': 'file',
  proc: 'directory',
  sys: 'directory',
  etc: 'directory',
  'etc/hosts': 'file',
  'etc/hostname': 'file',
  'etc/resolv.conf': 'file',
  'etc/mtab': { link: '/proc/mounts' },
};

/** `/.dockerenv`: how programs tell that they run in a container of Docker's. */
const dockerPlaces: Places = { ...podPlaces, '.dockerenv': 'file' };

export function placesOf(spec: Pick<ContainerSpec, 'sandbox'>): Places {
  return spec.sandbox ? podPlaces : dockerPlaces;
}

/** Remembers, before a build's step, which of its mount points (absolute) and the directories above them the image does not have. */
export function noteMissing(bundle: string, rootfs: string, mountPoints: readonly string[]): void {
  using root = new Root(rootfs);
  const all = [...new Set(mountPoints.flatMap(upwards))];
  const missing = all.filter((path) => !root.statTarget(path) && !root.stat(path));
  // Deepest first: a directory goes once it is empty.
  writeFileSync(join(bundle, 'missing.json'), JSON.stringify(missing.sort((a, b) => b.split('/').length - a.split('/').length)));
}

/** `/a/b` → `a/b`, `a`. */
function upwards(path: string): readonly string[] {
  const parts = bytesOf(path).split('/').filter(Boolean);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

/** Takes away those that are still empty, so that the step's layer does not have them. */
export function removeMountPoints(bundle: string, rootfs: string): void {
  const missing = notedMissing(bundle);
  if (missing.length === 0) return;
  using root = new Root(rootfs);
  for (const path of missing) {
    const stat = root.stat(path);
    const isEmpty = stat?.isFile() ? stat.size === 0n : stat?.isDirectory() && root.list(path).length === 0;
    if (isEmpty) root.remove(path);
  }
}

function notedMissing(bundle: string): readonly string[] {
  try {
    return JSON.parse(readFileSync(join(bundle, 'missing.json'), 'utf8')) as readonly string[];
  } catch {
    return [];
  }
}
