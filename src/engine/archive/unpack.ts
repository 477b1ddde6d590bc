import { closeSync, constants, ftruncateSync, writeSync } from 'node:fs';
import { KindError, wrap } from '../../base/errors.ts';
import type { Attributes } from '../../kernel/attributes.ts';
import { setFileMetadata, textOf, type Metadata, type Owner, type Root } from '../../kernel/files.ts';
import type { TarEntry } from './entry.ts';
import { Bounds } from './bounds.ts';
import type { FrameWriter } from './frames.ts';
import { readTar, type TarMember } from './read-tar.ts';

export interface UnpackOptions {
  /** `overlay`: OCI whiteouts become what overlayfs understands. `plain`: they are files like any other. */
  readonly whiteouts: 'overlay' | 'plain';
  /** Owner of everything instead of the archive's. */
  readonly owner?: Owner;
  /** Directory inside the root under which everything lands; a byte string. */
  readonly under?: string;
  /** Refuse to replace a directory by something else, or the other way round. */
  readonly keepKinds?: boolean;
}

export interface UnpackResult {
  readonly entries: number;
  /** Bytes of regular files. */
  readonly bytes: number;
}

const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';

/**
 * Unpacks an uncompressed tar into a directory that no member can leave: not by `..`, absolute names, symlinks
 * that came earlier in the archive, or hard links. Modification times of directories are set last.
 */
export async function unpackInto(
  root: Root,
  source: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
  frames?: FrameWriter,
  bounds = new Bounds(),
): Promise<UnpackResult> {
  const unpacking: Unpacking = { root, options, frames, bounds, directories: new Map(), parent: undefined };
  let entries = 0;
  let bytes = 0;
  for await (const member of readTar(source, frames ? (frame) => frames.frame(frame) : undefined)) {
    try {
      bounds.member(member);
      await unpackMember(unpacking, pathOf(member.entry.name, options), member);
      frames?.endMember();
    } catch (error) {
      throw wrap(error, `unpack ${shown(member.entry.name)}`);
    }
    entries += 1;
    // As dockerd counts a layer: a symlink is as large as its target's name.
    bytes += member.entry.type === 'symlink' ? member.entry.linkName.length : member.bodySize;
  }
  for (const [path, mtimeNs] of [...unpacking.directories].reverse())
    if (root.stat(path)?.isDirectory()) root.setMetadata(path, { mtimeNs });
  return { entries, bytes };
}

interface Unpacking {
  readonly root: Root;
  readonly options: UnpackOptions;
  /** Of a foreign layer. */
  readonly frames: FrameWriter | undefined;
  readonly bounds: Bounds;
  /** Times to be set at the end. */
  readonly directories: Map<string, bigint>;
  /** The last parent as written, and what it resolved to; forgotten when a directory or symlink changes. */
  parent: { readonly written: string; readonly canonical: string } | undefined;
}

function pathOf(name: string, options: UnpackOptions): string {
  if (climbsOut(name)) throw new KindError('invalid', 'its name leads out of the archive');
  return [options.under ?? '', name].join('/').replace(/\/+/g, '/').replace(/^\//, '').replace(/\/$/, '');
}

async function unpackMember(unpacking: Unpacking, path: string, member: TarMember): Promise<void> {
  const { root, options, frames } = unpacking;
  const { entry } = member;
  const cut = path.lastIndexOf('/');
  const [written, base] = [path.slice(0, Math.max(cut, 0)), path.slice(cut + 1)];
  if (base === '' || base === '.') return;
  const parent = parentOf(unpacking, written);
  const place = parent === '' ? base : `${parent}/${base}`;
  if (options.whiteouts === 'overlay' && base.startsWith(whiteoutPrefix)) {
    for await (const chunk of member.body()) frames?.frame(chunk);
    makeWhiteout(unpacking, parent, base);
    return;
  }
  if (entry.type === 'file') {
    await createFile(unpacking, place, member);
    return;
  }
  clearPlace(unpacking, place, entry);
  create(unpacking, place, entry);
  if (entry.type === 'symlink') unpacking.parent = undefined;
  if (entry.type === 'hardLink') return;
  root.setMetadata(place, metadataOf(entry, options));
  if (entry.type === 'directory') unpacking.directories.set(place, entry.mtimeNs);
}

/** Makes what is missing of a member's parent, and resolves it: symlinks that lead out of the root on the way are refused. */
function parentOf(unpacking: Unpacking, written: string): string {
  const { root, options } = unpacking;
  if (written === '') return '';
  if (unpacking.parent?.written === written) return unpacking.parent.canonical;
  if (!root.statTarget(written)?.isDirectory()) root.makeDirectories(written, 0o755, options.owner);
  // Only layers are put together again by path; elsewhere the kernel's resolution is all that is needed.
  const canonical = options.whiteouts === 'overlay' ? root.canonical(written) : written;
  if (canonical !== written) refuseOutwardLink(root, written);
  unpacking.parent = { written, canonical };
  return canonical;
}

/** `a/up/x` where `a/up` → `../../..`: resolved inside the root it would be harmless, but nobody means well with it. */
function refuseOutwardLink(root: Root, path: string): void {
  const parts = path.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const link = parts.slice(0, depth).join('/');
    if (!root.stat(link)?.isSymbolicLink()) continue;
    const target = root.readLink(link);
    if (!target.startsWith('/') && climbsOut(`${parts.slice(0, depth - 1).join('/')}/${target}`))
      throw new KindError('invalid', `it goes through the symlink ${shown(link)}, which leads out of the root to ${shown(target)}`);
  }
}

/** Whether a path has more `..` than it has gone down before. */
function climbsOut(path: string): boolean {
  let depth = 0;
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

/** A name in a message: control characters are written out. */
function shown(name: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return textOf(name).replace(/[\u0000-\u001f\u007f]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function makeWhiteout(unpacking: Unpacking, parent: string, base: string): void {
  const { root, frames } = unpacking;
  if (base === opaqueName) {
    root.setMetadata(parent, { attributes: { 'trusted.overlay.opaque': 'y' } });
    return;
  }
  // `.wh..wh.*` is aufs' own book-keeping.
  if (base.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) return;
  const name = base.slice(whiteoutPrefix.length);
  if (name === '' || name === '.' || name === '..') throw new KindError('invalid', 'a whiteout of no name');
  const path = parent === '' ? name : `${parent}/${name}`;
  frames?.replaced.keep(root, path);
  root.remove(path);
  unpacking.parent = undefined;
  root.makeNode(path, constants.S_IFCHR, 0, 0);
}

/** Makes room for the entry: a directory stays where a directory comes, anything else goes. */
function clearPlace(unpacking: Unpacking, path: string, entry: TarEntry): void {
  const { root, options, frames } = unpacking;
  const there = root.stat(path);
  if (!there) return;
  const isDirectory = there.isDirectory();
  if (isDirectory && entry.type === 'directory') return;
  if (options.keepKinds && isDirectory !== (entry.type === 'directory')) {
    const text = textOf(path);
    throw new KindError(
      'invalid',
      isDirectory ? `cannot overwrite directory "${text}" with non-directory` : `cannot overwrite non-directory "${text}" with directory`,
    );
  }
  frames?.replaced.keep(root, path);
  root.remove(path);
  if (isDirectory || there.isSymbolicLink()) unpacking.parent = undefined;
}

function create({ root, options }: Unpacking, path: string, entry: TarEntry): void {
  switch (entry.type) {
    case 'file':
      return;
    case 'directory':
      root.makeDirectory(path, 0o700);
      return;
    case 'hardLink':
      if (climbsOut(entry.linkName))
        throw new KindError('invalid', `hard link to ${shown(entry.linkName)}, which is outside of the archive`);
      root.makeHardLink(options.under ? `${options.under}/${entry.linkName}` : entry.linkName, path);
      return;
    case 'symlink':
      root.makeSymlink(entry.linkName, path);
      return;
    case 'character':
      root.makeNode(path, constants.S_IFCHR | 0o600, entry.major, entry.minor);
      return;
    case 'block':
      root.makeNode(path, 0o60000 | 0o600, entry.major, entry.minor);
      return;
    case 'fifo':
      root.makeNode(path, 0o10000 | 0o600, 0, 0);
      return;
  }
}

/** Files are most of an archive: one that is new takes no look at what was there, and gets everything through its descriptor. */
async function createFile(unpacking: Unpacking, path: string, member: TarMember): Promise<void> {
  const { root, options, frames, bounds } = unpacking;
  let fd = root.tryCreateFile(path, 0o600);
  if (fd === undefined) {
    clearPlace(unpacking, path, member.entry);
    fd = root.createFile(path, 0o600);
  }
  try {
    let [end, isHole] = [0, false];
    for await (const { offset, data } of placed(member)) {
      bounds.data(data.length);
      frames?.body(path, offset, data.length);
      end = offset + data.length;
      // Zeros become a hole: a sparse file stays one, also through tars that do not know of it.
      isHole = isZero(data);
      if (!isHole) writeAll(fd, data, offset);
    }
    if (isHole || end !== member.entry.size) ftruncateSync(fd, member.entry.size);
    setFileMetadata(fd, path, metadataOf(member.entry, options));
  } finally {
    closeSync(fd);
  }
}

/** A member's data with where it belongs. */
async function* placed(member: TarMember): AsyncGenerator<{ readonly offset: number; readonly data: Buffer }> {
  const { segments } = member;
  let [index, written] = [0, 0];
  for await (const chunk of member.body()) {
    let at = 0;
    while (at < chunk.length) {
      while (segments && index < segments.length && written >= (segments[index]?.length ?? 0)) [index, written] = [index + 1, 0];
      const segment = segments?.[index];
      if (segments && !segment) throw new KindError('invalid', 'sparse file has more data than its map says');
      const length = segment ? Math.min(chunk.length - at, segment.length - written) : chunk.length - at;
      yield { offset: (segment?.offset ?? 0) + written, data: chunk.subarray(at, at + length) };
      at += length;
      written += length;
    }
  }
}

const zeros = Buffer.alloc(131_072);
const smallestHole = 4096;

function isZero(data: Buffer): boolean {
  if (data.length < smallestHole || data[0] !== 0) return false;
  for (let at = 0; at < data.length; at += zeros.length) {
    const part = data.subarray(at, at + zeros.length);
    if (part.compare(zeros, 0, part.length) !== 0) return false;
  }
  return true;
}

export function writeAll(fd: number, data: Buffer, position: number | null): void {
  let done = 0;
  while (done < data.length) done += writeSync(fd, data, done, data.length - done, position === null ? null : position + done);
}

function metadataOf(entry: TarEntry, options: UnpackOptions): Metadata {
  const owner = options.owner ?? { uid: entry.uid, gid: entry.gid };
  const attributes = keptAttributes(entry.attributes);
  const mtimeNs = entry.type === 'directory' ? undefined : entry.mtimeNs;
  return { owner, mode: entry.type === 'symlink' ? undefined : entry.mode, attributes, mtimeNs };
}

/** Overlayfs' own attributes say how layers stack here, and labels of security modules are the host's: neither belongs into an image. */
export function keptAttributes(attributes: Attributes): Attributes {
  const names = Object.keys(attributes);
  return names.every(keepsAttribute) ? attributes : Object.fromEntries(Object.entries(attributes).filter(([name]) => keepsAttribute(name)));
}

function keepsAttribute(name: string): boolean {
  if (name === 'security.capability') return true;
  return !name.startsWith('trusted.overlay.') && !name.startsWith('security.');
}
