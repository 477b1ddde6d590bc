import { textOf, type Root } from '../../kernel/files.ts';
import type { Ignore } from './ignore.ts';

/** Removes what is ignored from an unpacked build context. */
export function removeIgnored(root: Root, ignore: Ignore): void {
  const walk = (parent: string): void => {
    for (const name of root.list(parent)) {
      const path = parent === '' ? name : `${parent}/${name}`;
      const isDirectory = root.stat(path)?.isDirectory() ?? false;
      const isIgnored = ignore.ignores(textOf(path));
      if (isIgnored && (!isDirectory || !ignore.mayBringBack(textOf(path)))) root.remove(path);
      else if (isDirectory) {
        walk(path);
        if (isIgnored && root.list(path).length === 0) root.remove(path);
      }
    }
  };
  walk('');
}
