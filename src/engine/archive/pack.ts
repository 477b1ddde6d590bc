import { closeSync, constants, readSync, type BigIntStats } from 'node:fs';
import { deviceOf } from '../../kernel/device-number.ts';
import { byteOrder, textOf, type Root } from '../../kernel/files.ts';
import { parseIgnore, type Ignore } from '../build/ignore.ts';
import type { TarEntry, TarType } from './entry.ts';
import { keepsAttribute } from './unpack.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from './write-tar.ts';

export interface PackOptions {
  /** `overlay`: what overlayfs understands becomes OCI whiteouts. `plain`: left as it is. */
  readonly whiteouts: 'overlay' | 'plain';
  /** Path inside the root to pack; default all of it. Byte string, like `as`. */
  readonly path?: string;
  /** Name in the archive for `path` (docker cp); default: members are named relative to it and it has no member itself. */
  readonly as?: string;
  /** Lines of a .dockerignore: what they leave out is not packed. */
  readonly ignore?: readonly string[];
}

const chunkSize = 262_144;

/**
 * A tree as a tar, always the same bytes for the same tree: names in byte order, parents first, fixed header form,
 * no names of users, no access times. Sockets are left out, as Docker does.
 */
export function* packFrom(root: Root, options: PackOptions): Generator<Buffer> {
  const links = new Map<string, string>();
  const path = options.path ?? '';
  const stat = root.stat(path);
  if (!stat) throw new Error(`pack: ${path} is gone`);
  if (options.as !== undefined) yield* packNode(root, path, options.as, stat, options, links);
  else yield* packChildren(root, path, '', options, links);
  yield endOfArchive();
}

function* packChildren(root: Root, path: string, name: string, options: PackOptions, links: Map<string, string>): Generator<Buffer> {
  for (const child of root.list(path).sort(byteOrder)) {
    const [childPath, childName] = [join(path, child), join(name, child)];
    const stat = root.stat(childPath);
    if (stat && leavesOut(options, childName, stat)) continue;
    if (stat) yield* packNode(root, childPath, childName, stat, options, links);
  }
}

const ignores = new WeakMap<readonly string[], Ignore>();

/** A directory stays while a `!` pattern may bring back something below it. */
function leavesOut({ ignore: lines }: PackOptions, name: string, stat: BigIntStats): boolean {
  if (!lines || lines.length === 0) return false;
  const ignore = ignores.get(lines) ?? parseIgnore(lines);
  ignores.set(lines, ignore);
  return ignore.ignores(textOf(name)) && !(stat.isDirectory() && ignore.hasExceptions);
}

function* packNode(
  root: Root,
  path: string,
  name: string,
  stat: BigIntStats,
  options: PackOptions,
  links: Map<string, string>,
): Generator<Buffer> {
  if (options.whiteouts === 'overlay' && stat.isCharacterDevice() && stat.rdev === 0n) {
    yield encodeEntry(entryOf({ name: whiteoutName(name), mode: 0o600 }));
    return;
  }
  const type = typeOf(stat);
  if (!type) return;
  const inode = `${stat.dev}:${stat.ino}`;
  const first = links.get(inode);
  const attributes = root.extendedAttributes(path);
  const entry = toEntry(root, path, name, stat, type, attributes);
  if (first !== undefined) {
    yield encodeEntry({ ...entry, type: 'hardLink', linkName: first, size: 0, attributes: {} });
    return;
  }
  if (stat.nlink > 1n && type !== 'directory') links.set(inode, name);
  yield encodeEntry(entry);
  if (type === 'file') yield* fileBody(root, path, entry.size);
  if (type !== 'directory') return;
  if (options.whiteouts === 'overlay' && attributes['trusted.overlay.opaque'] === 'y')
    yield encodeEntry(entryOf({ name: join(name, '.wh..wh..opq'), mode: 0o600 }));
  yield* packChildren(root, path, name, options, links);
}

function toEntry(
  root: Root,
  path: string,
  name: string,
  stat: BigIntStats,
  type: TarType,
  attributes: Readonly<Record<string, string>>,
): TarEntry {
  const isDevice = type === 'character' || type === 'block';
  return {
    name,
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === 'file' ? Number(stat.size) : 0,
    mtimeNs: stat.mtimeNs,
    linkName: type === 'symlink' ? root.readLink(path) : '',
    ...(isDevice ? deviceOf(stat.rdev) : { major: 0, minor: 0 }),
    attributes: Object.fromEntries(Object.entries(attributes).filter(([key]) => keepsAttribute(key))),
  };
}

/** Exactly `size` bytes and the padding, also when the file shrinks or grows meanwhile: the header has gone out already. */
function* fileBody(root: Root, path: string, size: number): Generator<Buffer> {
  yield* fileRange(root, path, 0, size);
  yield padding(size);
}

/** Exactly `size` bytes from `offset` on; zeros where the file has ended. */
export function* fileRange(root: Root, path: string, offset: number, size: number): Generator<Buffer> {
  const fd = root.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    let done = 0;
    while (done < size) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkSize, size - done));
      const read = readSync(fd, buffer, 0, buffer.length, offset + done);
      if (read === 0) buffer.fill(0);
      const chunk = read === 0 ? buffer : buffer.subarray(0, read);
      done += chunk.length;
      yield chunk;
    }
  } finally {
    closeSync(fd);
  }
}

function typeOf(stat: BigIntStats): TarType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isCharacterDevice()) return 'character';
  if (stat.isBlockDevice()) return 'block';
  return stat.isFIFO() ? 'fifo' : undefined;
}

/** `etc/passwd` → `etc/.wh.passwd` */
function whiteoutName(name: string): string {
  const cut = name.lastIndexOf('/') + 1;
  return `${name.slice(0, cut)}.wh.${name.slice(cut)}`;
}

function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
