import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { KindError, messageOf } from '../../base/errors.ts';
import { bytesOf, Root, textOf } from '../../kernel/files.ts';
import type { CopyItem } from '../archive/copy-tree.ts';
import { decompressed } from '../archive/compression.ts';
import { readTar } from '../archive/read-tar.ts';
import { toRegex } from './ignore.ts';

/** One thing to copy. */
export interface Source {
  /** Directory whose inside cannot be left. */
  readonly root: string;
  /** Byte string relative to root. */
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Expands the wildcards of COPY's sources (Go's filepath.Match). `notFound` in dockerd's words when nothing matches. */
export function findSources(directory: string, patterns: readonly string[], keyword: string): readonly Source[] {
  using root = new Root(directory);
  return patterns.flatMap((pattern) => {
    const clean = posix.normalize(`/${pattern}`).replace(/^\/|\/$/g, '');
    const paths = /[*?[\\]/.test(clean) ? matches(root, clean) : [bytesOf(clean)];
    const found = paths.flatMap((path) => {
      const stat = root.statTarget(path);
      return stat ? [{ root: directory, path, isDirectory: stat.isDirectory() }] : [];
    });
    if (found.length > 0) return found;
    if (paths.length === 0)
      throw new KindError('notFound', `${keyword} failed: no source files were specified: nothing in the build context matches ${pattern}`);
    throw new KindError(
      'notFound',
      `${keyword} failed: file not found in build context or excluded by .dockerignore: stat ${pattern}: file does not exist`,
    );
  });
}

function matches(root: Root, pattern: string): readonly string[] {
  let found: readonly string[] = [''];
  for (const part of pattern.split('/')) {
    const regex = new RegExp(`^${toRegex(part.replaceAll('**', '*'))}$`, 's');
    found = found.flatMap((parent) => {
      if (!root.statTarget(parent)?.isDirectory()) return [];
      return root
        .list(parent)
        .filter((name) => regex.test(textOf(name)))
        .map((name) => (parent === '' ? name : `${parent}/${name}`));
    });
  }
  return found;
}

/** Where the sources go: into a directory, or one file under a new name. `target` is absolute in the image. */
export function itemsFor(sources: readonly Source[], target: string, isDirectory: boolean): readonly CopyItem[] {
  const into = bytesOf(target).replace(/^\/+|\/+$/g, '');
  return sources.map((source) => {
    if (source.isDirectory) return { source: source.path, target: into };
    const name = source.path.slice(source.path.lastIndexOf('/') + 1);
    return { source: source.path, target: isDirectory ? [into, name].filter((part) => part !== '').join('/') : into };
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

/** ADD of a URL: the file lands in `directory` under the URL's last name. */
export async function download(url: string, directory: string, signal: AbortSignal): Promise<Source> {
  const name = posix.basename(new URL(url).pathname);
  if (name === '' || name === '/') throw new KindError('invalid', `ADD ${url}: cannot determine a file name from the URL`);
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) throw new KindError('unavailable', `got status ${response.status} ${response.statusText}`);
    await writeFile(`${directory}/${name}`, response.body, { mode: 0o600, signal });
  } catch (error) {
    throw new KindError('unavailable', `ADD failed: failed to GET ${url}: ${messageOf(error)}`, { cause: error });
  }
  return { root: directory, path: bytesOf(name), isDirectory: false };
}
