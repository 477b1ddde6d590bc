import { closeSync, constants, fchmodSync, fchownSync, ftruncateSync, writeSync } from 'node:fs';
import { KindError, wrap } from '../../base/errors.ts';
import { textOf, type Metadata, type Owner, type Root } from '../../kernel/files.ts';
import type { TarEntry } from './entry.ts';
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

/** Told about every frame byte and every file body, in archive order (see frame.ts). */
export interface UnpackObserver {
  frame(bytes: Buffer): void;
  body(path: string, chunk: Buffer): void;
  /** A file that was unpacked from this archive has been replaced or removed by a later member. */
  replaced(path: string): void;
  /** The data of a member is not on disk as it was in the archive. */
  inexact(): void;
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
  observer?: UnpackObserver,
): Promise<UnpackResult> {
  const directories = new Map<string, bigint>();
  let entries = 0;
  let bytes = 0;
  for await (const member of readTar(source, observer ? (frame) => observer.frame(frame) : undefined)) {
    const path = [options.under ?? '', member.entry.name].join('/').replace(/\/+/g, '/').replace(/^\//, '').replace(/\/$/, '');
    try {
      await unpackMember(root, path, member, options, directories, observer);
    } catch (error) {
      throw wrap(error, `unpack ${textOf(member.entry.name)}`);
    }
    entries += 1;
    bytes += member.bodySize;
  }
  for (const [path, mtimeNs] of [...directories].reverse()) if (root.stat(path)?.isDirectory()) root.setMetadata(path, { mtimeNs });
  return { entries, bytes };
}

async function unpackMember(
  root: Root,
  path: string,
  member: TarMember,
  options: UnpackOptions,
  directories: Map<string, bigint>,
  observer: UnpackObserver | undefined,
): Promise<void> {
  const { entry } = member;
  const cut = path.lastIndexOf('/');
  const [parent, base] = [path.slice(0, Math.max(cut, 0)), path.slice(cut + 1)];
  if (base === '' || base === '.') return;
  if (parent !== '' && !root.statTarget(parent)?.isDirectory()) root.makeDirectories(parent, 0o755, options.owner);
  if (options.whiteouts === 'overlay' && base.startsWith(whiteoutPrefix)) {
    await drain(member, path, observer);
    makeWhiteout(root, parent, base, observer);
    return;
  }
  clearPlace(root, path, entry, options, observer);
  await create(root, path, member, options, observer);
  if (entry.type === 'hardLink') return;
  root.setMetadata(path, metadataOf(entry, options));
  if (entry.type === 'directory') directories.set(path, entry.mtimeNs);
}

function makeWhiteout(root: Root, parent: string, base: string, observer: UnpackObserver | undefined): void {
  if (base === opaqueName) {
    root.setMetadata(parent, { attributes: { 'trusted.overlay.opaque': 'y' } });
    return;
  }
  // `.wh..wh.*` is aufs' own book-keeping.
  if (base.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) return;
  const path = [parent, base.slice(whiteoutPrefix.length)].join('/').replace(/^\//, '');
  observer?.replaced(path);
  root.remove(path);
  root.makeNode(path, constants.S_IFCHR, 0, 0);
}

/** Makes room for the entry: a directory stays where a directory comes, anything else goes. */
function clearPlace(root: Root, path: string, entry: TarEntry, options: UnpackOptions, observer: UnpackObserver | undefined): void {
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
  observer?.replaced(path);
  root.remove(path);
}

async function create(
  root: Root,
  path: string,
  member: TarMember,
  options: UnpackOptions,
  observer: UnpackObserver | undefined,
): Promise<void> {
  const { entry } = member;
  switch (entry.type) {
    case 'directory':
      root.makeDirectory(path, 0o700);
      return;
    case 'file':
      await createFile(root, path, member, options, observer);
      return;
    case 'hardLink':
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

async function createFile(
  root: Root,
  path: string,
  member: TarMember,
  options: UnpackOptions,
  observer: UnpackObserver | undefined,
): Promise<void> {
  const fd = root.createFile(path, 0o600);
  try {
    const owner = options.owner ?? member.entry;
    fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, member.entry.mode);
    const segments = member.segments;
    if (segments) {
      observer?.inexact();
      ftruncateSync(fd, member.entry.size);
    }
    let index = 0;
    let written = 0;
    for await (const chunk of member.body()) {
      observer?.body(path, chunk);
      let at = 0;
      while (at < chunk.length) {
        const segment = segments?.[index];
        const length = segment ? Math.min(chunk.length - at, segment.length - written) : chunk.length - at;
        if (segments && !segment) throw new KindError('invalid', 'sparse file has more data than its map says');
        writeAll(fd, chunk.subarray(at, at + length), segment ? segment.offset + written : null);
        at += length;
        written += length;
        if (segment && written >= segment.length) [index, written] = [index + 1, 0];
      }
    }
  } finally {
    closeSync(fd);
  }
}

export function writeAll(fd: number, data: Buffer, position: number | null): void {
  let done = 0;
  while (done < data.length) done += writeSync(fd, data, done, data.length - done, position === null ? null : position + done);
}

async function drain(member: TarMember, path: string, observer: UnpackObserver | undefined): Promise<void> {
  if (member.bodySize > 0) observer?.inexact();
  for await (const chunk of member.body()) observer?.body(path, chunk);
}

function metadataOf(entry: TarEntry, options: UnpackOptions): Metadata {
  const owner = options.owner ?? { uid: entry.uid, gid: entry.gid };
  const attributes = Object.fromEntries(Object.entries(entry.attributes).filter(([name]) => keepsAttribute(name)));
  const mtimeNs = entry.type === 'directory' ? undefined : entry.mtimeNs;
  return { owner, mode: entry.type === 'symlink' ? undefined : entry.mode, attributes, mtimeNs };
}

/** Overlayfs' own attributes say how layers stack here, and labels of security modules are the host's: neither belongs into an image. */
export function keepsAttribute(name: string): boolean {
  if (name === 'security.capability') return true;
  return !name.startsWith('trusted.overlay.') && !name.startsWith('security.');
}
