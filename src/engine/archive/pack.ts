import { closeSync, type BigIntStats } from 'node:fs';
import { fileAttributes } from '../../kernel/attributes.ts';
import { deviceOf } from '../../kernel/device-number.ts';
import { textOf, type Root } from '../../kernel/files.ts';
import { parseIgnore, type Ignore } from '../build/ignore.ts';
import type { Piece } from './blocks.ts';
import { blockSize, type TarEntry, type TarType } from './entry.ts';
import { keptAttributes } from './unpack.ts';
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

/** Counts along: bytes of regular files, hard links once. */
export interface Tally {
  bytes: number;
}

interface Packing {
  readonly root: Root;
  readonly options: PackOptions;
  /** Inode → the name that it came by first. */
  readonly links: Map<string, string>;
  readonly tally: Tally;
}

/**
 * A tree as a tar, always the same bytes for the same tree: names in byte order, parents first, fixed header form,
 * no names of users, no access times. Sockets are left out, as Docker does.
 */
export function* packFrom(root: Root, options: PackOptions, tally: Tally = { bytes: 0 }): Generator<Piece> {
  const packing: Packing = { root, options, links: new Map(), tally };
  const path = options.path ?? '';
  const stat = root.stat(path);
  if (!stat) throw new Error(`pack: ${path} is gone`);
  if (options.as !== undefined) yield* packNode(packing, path, options.as, stat);
  else yield* packChildren(packing, path, '');
  yield endOfArchive();
}

function* packChildren(packing: Packing, path: string, name: string): Generator<Piece> {
  const { root, options } = packing;
  for (const child of root.list(path)) {
    const [childPath, childName] = [join(path, child), join(name, child)];
    const stat = root.stat(childPath);
    if (stat && leavesOut(options, childName, stat)) continue;
    if (stat) yield* packNode(packing, childPath, childName, stat);
  }
}

const ignores = new WeakMap<readonly string[], Ignore>();

/** A directory stays while a `!` pattern may bring back something below it. */
function leavesOut({ ignore: lines }: PackOptions, name: string, stat: BigIntStats): boolean {
  if (!lines || lines.length === 0) return false;
  const ignore = ignores.get(lines) ?? parseIgnore(lines);
  ignores.set(lines, ignore);
  return ignore.ignores(textOf(name)) && !(stat.isDirectory() && ignore.mayBringBack(textOf(name)));
}

function* packNode(packing: Packing, path: string, name: string, stat: BigIntStats): Generator<Piece> {
  const { root, options, links } = packing;
  if (options.whiteouts === 'overlay' && stat.isCharacterDevice() && stat.rdev === 0n) {
    yield encodeEntry(entryOf({ name: whiteoutName(name), mode: 0o600 }));
    return;
  }
  const type = typeOf(stat);
  if (!type) return;
  if (stat.nlink > 1n && type !== 'directory') {
    const inode = `${stat.dev}:${stat.ino}`;
    const first = links.get(inode);
    if (first !== undefined) {
      yield encodeEntry({ ...toEntry(root, path, name, stat, type, {}), type: 'hardLink', linkName: first, size: 0 });
      return;
    }
    links.set(inode, name);
  }
  if (type === 'file') {
    packing.tally.bytes += Number(stat.size);
    yield* packFile(root, path, name, stat);
    return;
  }
  const attributes = root.extendedAttributes(path);
  yield encodeEntry(toEntry(root, path, name, stat, type, attributes));
  if (type !== 'directory') return;
  if (options.whiteouts === 'overlay' && attributes['trusted.overlay.opaque'] === 'y')
    yield encodeEntry(entryOf({ name: join(name, '.wh..wh..opq'), mode: 0o600 }));
  yield* packChildren(packing, path, name);
}

/** Header, exactly as many bytes as it says (also when the file shrinks or grows meanwhile), padding. */
function* packFile(root: Root, path: string, name: string, stat: BigIntStats): Generator<Piece> {
  const fd = root.openFile(path);
  try {
    const entry = toEntry(root, path, name, stat, 'file', fileAttributes(fd));
    yield encodeEntry(entry);
    yield { fd, offset: 0, size: entry.size };
    if (entry.size % blockSize !== 0) yield padding(entry.size);
  } finally {
    closeSync(fd);
  }
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
    attributes: keptAttributes(attributes),
  };
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
