import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Root } from '../../kernel/files.ts';

/** Places that the runtime makes in a root that lacks them. Docker hides them in a layer of their own; here they go again when a run ends. */
const places = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'dev', 'proc', 'sys'];

/** Remembers, before the first start, which places the image does not have. */
export function noteMissing(bundle: string, rootfs: string): void {
  using root = new Root(rootfs);
  writeFileSync(join(bundle, 'missing.json'), JSON.stringify(places.filter((path) => !root.stat(path))));
}

/** Takes away those that are still empty, so that neither `docker diff` nor a new layer shows them. */
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

export function notedMissing(bundle: string): readonly string[] {
  try {
    return JSON.parse(readFileSync(join(bundle, 'missing.json'), 'utf8')) as readonly string[];
  } catch {
    return [];
  }
}
