import type { Root } from '../../kernel/files.ts';
import type { UsageResult } from './jobs.ts';

/** Bytes of files and symlinks (hard links once), as dockerd counts a layer, and number of inodes in a tree, the root not counted. */
export function usageOf(root: Root): UsageResult {
  const seen = new Set<bigint>();
  let bytes = 0;
  const walk = (path: string): void => {
    for (const name of root.list(path)) {
      const child = path === '' ? name : `${path}/${name}`;
      const stat = root.stat(child);
      if (!stat || seen.has(stat.ino)) continue;
      seen.add(stat.ino);
      if (!stat.isDirectory()) bytes += Number(stat.size);
      if (stat.isDirectory()) walk(child);
    }
  };
  walk('');
  return { bytes, inodes: seen.size };
}
