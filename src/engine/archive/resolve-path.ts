import { KindError } from '../../base/errors.ts';
import { textOf, type Root } from '../../kernel/files.ts';

/** The path with every symlink on it followed inside the root, as far as there is something; what is missing stays as it is named. */
export function resolvePath(root: Root, path: string): string {
  let left = path.split('/');
  const done: string[] = [];
  for (let links = 0; left.length > 0;) {
    const [part = '', ...rest] = left;
    left = rest;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = [...done, part].join('/');
    if (root.stat(here)?.isSymbolicLink() !== true) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > mostLinks) throw new KindError('invalid', `${textOf(path)}: too many levels of symbolic links`);
    const link = root.readLink(here);
    if (link.startsWith('/')) done.length = 0;
    left = [...link.split('/'), ...left];
  }
  return done.join('/');
}

/** As the kernel has it. */
const mostLinks = 40;
