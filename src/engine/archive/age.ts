import type { Root } from '../../kernel/files.ts';

/** Gives everything in a tree that is newer than `seconds` since 1970 this time, the root itself not. */
export function ageTo(root: Root, seconds: number): void {
  const limit = BigInt(seconds) * 1_000_000_000n;
  const walk = (parent: string): void => {
    for (const name of root.list(parent)) {
      const path = parent === '' ? name : `${parent}/${name}`;
      const stat = root.stat(path);
      if (!stat) continue;
      if (stat.isDirectory()) walk(path);
      if (stat.mtimeNs > limit) root.setMetadata(path, { mtimeNs: limit });
    }
  };
  walk('');
}
