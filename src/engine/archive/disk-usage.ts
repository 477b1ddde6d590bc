import { lstatSync, readdirSync } from 'node:fs';
import { systemCode } from '../../base/errors.ts';

/** Bytes on disk as du counts them (blocks, hard links once), by the first two parts of the path: `overlay2/<name>`, `l`, `volumes/data`, `.`. */
export type PlaceUsage = Readonly<Record<string, number>>;

const blockBytes = 512n;

/** Walks without leaving the file system; what vanishes meanwhile does not count. */
export function diskUsage(root: string): PlaceUsage {
  const places = new Map<string, bigint>();
  const seen = new Set<string>();
  const device = lstatSync(root).dev;
  const visit = (path: Buffer, parts: readonly string[]): void => {
    const stat = gone(() => lstatSync(path, { bigint: true }));
    if (!stat || Number(stat.dev) !== device) return;
    const inode = String(stat.ino);
    if (stat.nlink > 1n && !stat.isDirectory()) {
      if (seen.has(inode)) return;
      seen.add(inode);
    }
    const place = parts.length === 0 ? '.' : parts.join('/');
    places.set(place, (places.get(place) ?? 0n) + stat.blocks * blockBytes);
    if (!stat.isDirectory()) return;
    for (const name of gone(() => readdirSync(path, { encoding: 'buffer' })) ?? [])
      visit(Buffer.concat([path, Buffer.from('/'), name]), parts.length < 2 ? [...parts, name.toString()] : parts);
  };
  visit(Buffer.from(root), []);
  return Object.fromEntries([...places].map(([place, bytes]) => [place, Number(bytes)]));
}

function gone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
