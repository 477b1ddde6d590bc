import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root, textOf } from '../../kernel/files.ts';
import type { CopyItem } from '../archive/copy-tree.ts';
import { decompressed } from '../archive/compression.ts';
import { readTar } from '../archive/read-tar.ts';
import { filePattern } from './file-pattern.ts';
import { wordError } from './place.ts';

/** One thing to copy. */
export interface Source {
  /** Directory whose inside cannot be left. */
  readonly root: string;
  /** Byte string relative to root. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Came from elsewhere: never unpacked by itself. */
  readonly isUrl?: boolean;
  /** With `--parents`: what of the path is kept below the destination (after `/./`). Byte string. */
  readonly kept?: string;
}

/** Expands the wildcards of a source (Go's filepath.Match; with `--parents` also `**`). None where a wildcard matches nothing; a plain name that is not there is `notFound` in dockerd's words. */
export function findSources(
  directory: string,
  pattern: string,
  { keyword, parents }: { readonly keyword: string; readonly parents: boolean },
): readonly Source[] {
  using root = new Root(directory);
  const clean = posix.normalize(`/${pattern}`).replace(/^\/|\/$/g, '');
  const hasWildcard = /[*?[\\]/.test(clean);
  // Where `--parents` starts to keep the path: at `/./`, else at the beginning.
  const pivot = parents ? posix.normalize(`/${/^(.*?)\/\.\//.exec(pattern)?.[1] ?? ''}`).slice(1) : '';
  const paths = hasWildcard ? matches(root, clean, parents) : [bytesOf(clean)];
  const found = paths.flatMap((path) => {
    const stat = root.statTarget(path);
    if (!stat) return [];
    const kept = parents ? { kept: path.slice(pivot === '' ? 0 : keptFrom(path, pivot)) } : {};
    return [{ root: directory, path, isDirectory: stat.isDirectory(), ...kept }];
  });
  if (found.length > 0 || paths.length === 0) return found;
  throw notFound(
    pattern,
    `${keyword} failed: file not found in build context or excluded by .dockerignore: stat ${pattern}: file does not exist`,
  );
}

/** Wildcards may match nothing beside sources that are there, but not all of them. */
export function noSources(pattern: string, keyword: string): KindError {
  return notFound(pattern, `${keyword} failed: no source files were specified: nothing in the build context matches ${pattern}`);
}

function notFound(word: string, message: string): KindError {
  return new KindError('notFound', message, { details: { word } });
}

/** Index of what follows as many directories as the pivot has. */
function keptFrom(path: string, pivot: string): number {
  return path.split('/').slice(0, pivot.split('/').length).join('/').length + 1;
}

function matches(root: Root, pattern: string, deep: boolean): readonly string[] {
  let found: readonly string[] = [''];
  for (const part of pattern.split('/')) {
    if (deep && part === '**') {
      found = found.flatMap((parent) => [parent, ...directoriesBelow(root, parent)]);
      continue;
    }
    const regex = filePattern(part);
    found = found.flatMap((parent) => {
      if (!root.statTarget(parent)?.isDirectory()) return [];
      return root
        .list(parent)
        .filter((name) => regex.test(textOf(name)))
        .map((name) => (parent === '' ? name : `${parent}/${name}`));
    });
  }
  return [...new Set(found)];
}

function directoriesBelow(root: Root, parent: string): readonly string[] {
  if (!root.statTarget(parent)?.isDirectory()) return [];
  return root.list(parent).flatMap((name) => {
    const path = parent === '' ? name : `${parent}/${name}`;
    return root.stat(path)?.isDirectory() ? [path, ...directoriesBelow(root, path)] : [];
  });
}

/** Where a source goes: into a directory, or one file under a new name. `target` is absolute in the image. */
export function itemOf(source: Source, target: string, rules: { readonly intoDirectory: boolean }): CopyItem {
  const into = bytesOf(target).replace(/^\/+|\/+$/g, '');
  const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/');
  if (source.kept !== undefined)
    return { source: source.path, target: join(into, source.kept), parents: parentsOf(source, into, source.kept) };
  if (source.isDirectory) return { source: source.path, target: into };
  const name = source.path.slice(source.path.lastIndexOf('/') + 1);
  return { source: source.path, target: rules.intoDirectory ? join(into, name) : into };
}

/** `x/y/z` kept from `a/x/y/z` → directories `a/x` and `a/x/y`, and `z` itself where it is one. */
function parentsOf(source: Source, into: string, kept: string): readonly { readonly source: string; readonly target: string }[] {
  const parts = kept.split('/');
  const outside = source.path.slice(0, source.path.length - kept.length);
  const depth = source.isDirectory ? parts.length : parts.length - 1;
  return Array.from({ length: depth }, (_, index) => {
    const path = parts.slice(0, index + 1).join('/');
    return { source: `${outside}${path}`, target: into === '' ? path : `${into}/${path}` };
  });
}

/** Whether ADD unpacks it: a tar, plain or compressed, told by its content. */
export async function isArchive(source: Source): Promise<boolean> {
  if (source.isDirectory) return false;
  using root = new Root(source.root);
  if (Number(root.statTarget(source.path)?.size ?? 0n) < 20) return false;
  const fd = root.open(source.path, 0);
  const stream = createReadStream('', { fd, end: (1 << 20) - 1 });
  try {
    for await (const member of readTar(decompressed(stream))) return member.entry.name !== '';
    return false;
  } catch {
    return false;
  } finally {
    stream.destroy();
  }
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** The last name of a URL's path. */
export function urlName(url: string): string {
  const name = posix.basename(decodeURIComponent(new URL(url).pathname));
  if (!['', '/', '.', '..'].includes(name)) return name;
  throw wordError(url, `ADD ${url}: cannot determine a file name from the URL`);
}
