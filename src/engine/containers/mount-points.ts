import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, Root } from '../../kernel/files.ts';

/** Places that the runtime makes in a root that lacks them. Docker hides them in a layer of their own; here they go again when a run ends. */
const places = ['.dockerenv', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'dev', 'proc', 'sys'];

/** Remembers, before the first start, which places the image does not have; of `more` (absolute) also the directories above them. */
export function noteMissing(bundle: string, rootfs: string, more: readonly string[] = []): void {
  using root = new Root(rootfs);
  const all = [...new Set([...places, ...more.flatMap(upwards)])];
  const missing = all.filter((path) => !root.statTarget(path) && !root.stat(path));
  // Deepest first: a directory goes once it is empty.
  writeFileSync(join(bundle, 'missing.json'), JSON.stringify(missing.sort((a, b) => b.split('/').length - a.split('/').length)));
}

/** `/a/b` → `a/b`, `a`. */
function upwards(path: string): readonly string[] {
  const parts = bytesOf(path).split('/').filter(Boolean);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
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
