import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Root } from '../../kernel/files.ts';

/*
 * A tar may hold a member twice; the later one wins on disk, yet the earlier one's data belongs into the tar.
 * It is kept beside the layer, in `replaced/<n>`, for the n-th member that has data.
 */

/** Takes files that a later member of the archive replaces out of the tree. */
export class ReplacedWriter {
  readonly #directory: string;
  /** Path → number of the member whose data is there now. */
  readonly #members = new Map<string, number>();
  #count = 0;

  constructor(framesPath: string) {
    this.#directory = directoryBeside(framesPath);
  }

  /** A member with data begins; its number. */
  begin(path: string): number {
    this.#members.set(path, this.#count);
    this.#count += 1;
    return this.#count - 1;
  }

  /** Everything with data at and below the path. */
  keep(root: Root, path: string): void {
    const stat = root.stat(path);
    if (stat?.isDirectory()) for (const name of root.list(path)) this.keep(root, `${path}/${name}`);
    const member = this.#members.get(path);
    if (member === undefined || !stat?.isFile()) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    root.moveOut(path, `${this.#directory}/${member}`);
    this.#members.delete(path);
  }
}

export interface ReplacedFiles extends Disposable {
  /** Where the data of a member is now. */
  find(tree: Root, path: string, member: number): { readonly root: Root; readonly path: string };
}

export function openReplaced(framesPath: string): ReplacedFiles {
  const directory = directoryBeside(framesPath);
  if (!existsSync(directory)) return { find: (root, path) => ({ root, path }), [Symbol.dispose]: () => undefined };
  const root = new Root(directory);
  const kept = new Set(readdirSync(directory));
  return {
    find: (tree, path, member) => (kept.has(String(member)) ? { root, path: String(member) } : { root: tree, path }),
    [Symbol.dispose]: () => root[Symbol.dispose](),
  };
}

function directoryBeside(framesPath: string): string {
  return `${dirname(framesPath)}/replaced`;
}
