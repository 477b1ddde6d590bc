import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  type BigIntStats,
} from 'node:fs';
import { KindError } from '../base/errors.ts';
import { attributesAt, setAttributes } from './attributes.ts';
import { deviceNumber } from './device-number.ts';
import { lastErrno, native, systemError } from './native.ts';
import { timespecs } from './timespecs.ts';

/**
 * File names are bytes in Linux. Here they are *byte strings*: one character per byte (latin1),
 * so that names which are not UTF-8 survive, sort in byte order and can be map keys.
 */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For people: the byte string read as UTF-8. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const atFdCwd = -100;
const atEmptyPath = 0x1000;
const atRemoveDir = 0x200;
const openPath = 0o10000000;
const closeOnExec = 0o2000000;
const resolveInRoot = 0x10;
const resolveNoMagicLinks = 0x02;
const openat2Number = 437;
const errno = { ENOENT: 2, EAGAIN: 11, EEXIST: 17, ENOTDIR: 20, ENODATA: 61, ELOOP: 40, EOPNOTSUPP: 95, EPERM: 1 } as const;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * A directory that no path can leave: every path is resolved by the kernel as if the directory were `/`
 * (openat2 RESOLVE_IN_ROOT), whatever symlinks and `..` it meets and whoever changes the tree meanwhile.
 * Paths are byte strings relative to the root; a leading slash changes nothing. The last component is
 * never followed when it is a symlink, except by `open` and `resolve`. All calls are synchronous.
 */
export class Root implements Disposable {
  readonly path: string;
  readonly #fd: number;
  #parent: { readonly path: string; readonly fd: number } | undefined;

  constructor(path: string) {
    this.path = path;
    this.#fd = openat2(atFdCwd, bytesOf(path), openPath | constants.O_DIRECTORY | closeOnExec, 0, 0);
    if (this.#fd < 0) throw systemError(`open ${path}`);
  }

  /** A path by which other threads of this process open the same directory, wherever it is mounted, while this object is not disposed. */
  get descriptor(): string {
    return proc(this.#fd);
  }

  [Symbol.dispose](): void {
    this.forget();
    closeSync(this.#fd);
  }

  /** Drops the remembered parent; needed after anything outside this object moved directories. */
  forget(): void {
    if (this.#parent) closeSync(this.#parent.fd);
    this.#parent = undefined;
  }

  /** A file descriptor; symlinks are followed inside the root unless flags say O_NOFOLLOW. The caller closes it. */
  open(path: string, flags: number, mode = 0): number {
    const fd = openat2(this.#fd, relative(path), flags | closeOnExec, mode, resolveInRoot | resolveNoMagicLinks);
    if (fd < 0) throw systemError(`open ${textOf(path)}`);
    return fd;
  }

  /** A file's descriptor for reading, which the caller closes. The path itself is never followed; a pipe does not wait for its other end. */
  openFile(path: string): number {
    const at = this.#at(path);
    // One name that is not followed leads nowhere: the plain call will do, and costs less.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | closeOnExec;
    const fd = native.openat(at.fd, nul(at.name), flags, 0);
    if (fd < 0) throw systemError(`open ${textOf(path)}`);
    return fd;
  }

  /** Makes a new regular file (fails when there is anything) and returns its descriptor. */
  createFile(path: string, mode: number): number {
    const fd = this.tryCreateFile(path, mode);
    if (fd === undefined) throw new KindError('alreadyExists', `create ${textOf(path)}: file exists`);
    return fd;
  }

  /** As `createFile`; undefined when there is something already. */
  tryCreateFile(path: string, mode: number): number | undefined {
    const at = this.#at(path);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | closeOnExec;
    // One name that is no symlink (O_EXCL) leads nowhere: the plain call will do, and costs less.
    const fd = native.openat(at.fd, nul(at.name), flags, mode & 0o7777);
    if (fd >= 0) return fd;
    if (lastErrno() === errno.EEXIST) return undefined;
    throw systemError(`create ${textOf(path)}`);
  }

  /** Facts of the path itself; undefined when there is nothing. */
  stat(path: string): BigIntStats | undefined {
    const fd = this.#openNode(path);
    if (fd === undefined) return undefined;
    try {
      return fstatSync(fd, { bigint: true });
    } finally {
      closeSync(fd);
    }
  }

  /** Facts of what the path leads to after following symlinks inside the root; undefined when there is nothing. */
  statTarget(path: string): BigIntStats | undefined {
    const fd = openat2(this.#fd, relative(path), openPath | closeOnExec, 0, resolveInRoot | resolveNoMagicLinks);
    if (fd < 0) return absent(`stat ${textOf(path)}`);
    try {
      return fstatSync(fd, { bigint: true });
    } finally {
      closeSync(fd);
    }
  }

  /** Names in a directory, in byte order; symlinks to it are followed inside the root. */
  list(path: string): string[] {
    const fd = this.open(path, openPath | constants.O_DIRECTORY);
    try {
      return readdirSync(proc(fd), { encoding: 'latin1' }).sort(byteOrder);
    } finally {
      closeSync(fd);
    }
  }

  /** The path of a directory with all symlinks followed inside the root; undefined when there is none. */
  realDirectory(path: string): string | undefined {
    const fd = openat2(this.#fd, relative(path), openPath | constants.O_DIRECTORY | closeOnExec, 0, resolveInRoot | resolveNoMagicLinks);
    if (fd < 0) return absent(`open ${textOf(path)}`);
    try {
      const [own, found] = [this.#fd, fd].map((each) => readlinkSync(proc(each), { encoding: 'latin1' }));
      return found?.slice(own?.length).replace(/^\//, '');
    } finally {
      closeSync(fd);
    }
  }

  readLink(path: string): string {
    const fd = this.#node(path);
    try {
      const buffer = Buffer.alloc(4096);
      const length = Number(native.readlinkat(fd, nul(''), buffer, buffer.length));
      if (length < 0) throw systemError(`readlink ${textOf(path)}`);
      return buffer.toString('latin1', 0, length);
    } finally {
      closeSync(fd);
    }
  }

  /** False when something is there already. */
  makeDirectory(path: string, mode: number): boolean {
    const at = this.#at(path);
    if (native.mkdirat(at.fd, nul(at.name), mode & 0o7777) === 0) return true;
    if (lastErrno() === errno.EEXIST) return false;
    throw systemError(`mkdir ${textOf(path)}`);
  }

  /** Makes what is missing of a directory path, following symlinks inside the root; returns what it made. */
  makeDirectories(path: string, mode = 0o755, owner?: Owner): readonly string[] {
    const made: string[] = [];
    let current = '';
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      current = current === '' ? part : `${current}/${part}`;
      const there = this.statTarget(current);
      if (there?.isDirectory()) continue;
      if (there || !this.makeDirectory(current, mode))
        throw new KindError('invalid', `mkdir ${textOf(path)}: ${textOf(current)} is not a directory`);
      if (owner) this.changeOwner(current, owner);
      made.push(current);
    }
    return made;
  }

  makeSymlink(target: string, path: string): void {
    const at = this.#at(path);
    if (native.symlinkat(nul(target), at.fd, nul(at.name)) !== 0) throw systemError(`symlink ${textOf(path)}`);
  }

  makeHardLink(existing: string, path: string): void {
    const fromPath = splitPath(existing);
    const parent = this.open(fromPath.parent, openPath | constants.O_DIRECTORY);
    try {
      const at = this.#at(path);
      if (native.linkat(parent, nul(fromPath.name), at.fd, nul(at.name), 0) !== 0)
        throw systemError(`link ${textOf(existing)} to ${textOf(path)}`);
    } finally {
      closeSync(parent);
    }
  }

  /** `mode` with file type bits (S_IFCHR, S_IFBLK, S_IFIFO). */
  makeNode(path: string, mode: number, major: number, minor: number): void {
    const at = this.#at(path);
    if (native.mknodat(at.fd, nul(at.name), mode, deviceNumber(major, minor)) !== 0) throw systemError(`mknod ${textOf(path)}`);
  }

  /** Removes a file or a whole tree; succeeds when there is nothing. */
  remove(path: string): void {
    const at = this.#at(path);
    if (native.unlinkat(at.fd, nul(at.name), 0) === 0) return;
    const code = lastErrno();
    if (code === errno.ENOENT) return;
    const stat = this.stat(path);
    if (!stat?.isDirectory()) throw systemError(`remove ${textOf(path)}`, code);
    for (const name of this.list(path)) this.remove(`${path}/${name}`);
    this.forget();
    const again = this.#at(path);
    if (native.unlinkat(again.fd, nul(again.name), atRemoveDir) !== 0) throw systemError(`remove ${textOf(path)}`);
  }

  /** Takes a file out of the tree to a place outside, on the same file system. */
  moveOut(path: string, target: string): void {
    const at = this.#at(path);
    renameSync(Buffer.from(`${proc(at.fd)}/${at.name}`, 'latin1'), target);
  }

  /** The path of a directory with every symlink on the way resolved inside the root. */
  canonical(path: string): string {
    const [fd, own] = [this.open(path, openPath | constants.O_DIRECTORY), readlinkSync(proc(this.#fd), 'latin1')];
    try {
      const place = readlinkSync(proc(fd), 'latin1');
      if (place !== own && !place.startsWith(`${own}/`)) throw new KindError('internal', `${textOf(path)} is outside of ${this.path}`);
      return place.slice(own.length + 1);
    } finally {
      closeSync(fd);
    }
  }

  changeOwner(path: string, owner: Owner): void {
    this.#withNode(path, (fd) => {
      if (native.fchownat(fd, nul(''), owner.uid, owner.gid, atEmptyPath) !== 0) throw systemError(`chown ${textOf(path)}`);
    });
  }

  /** Sets owner, then mode (not for symlinks), then extended attributes, then the modification time: chown clears setuid bits and file capabilities. */
  setMetadata(path: string, metadata: Metadata): void {
    this.#withNode(path, (fd) => applyMetadata(fd, path, metadata));
  }

  /** All extended attributes, values as byte strings. */
  extendedAttributes(path: string): Readonly<Record<string, string>> {
    let attributes: Readonly<Record<string, string>> = {};
    this.#withNode(path, (fd) => {
      attributes = attributesAt(fd);
    });
    return attributes;
  }

  #openNode(path: string): number | undefined {
    const at = this.#tryAt(path);
    if (!at) return undefined;
    const fd = native.openat(at.fd, nul(at.name || '.'), openPath | constants.O_NOFOLLOW | closeOnExec, 0);
    return fd >= 0 ? fd : absent(`open ${textOf(path)}`);
  }

  #node(path: string): number {
    const fd = this.#openNode(path);
    if (fd === undefined) throw new KindError('notFound', `${textOf(path)}: no such file or directory`);
    return fd;
  }

  #withNode(path: string, use: (fd: number) => void): void {
    const fd = this.#node(path);
    try {
      use(fd);
    } finally {
      closeSync(fd);
    }
  }

  #at(path: string): { readonly fd: number; readonly name: string } {
    const at = this.#tryAt(path);
    if (!at) throw new KindError('notFound', `${textOf(path)}: no such file or directory`);
    return at;
  }

  /** The descriptor of the parent (remembered, since archives list a directory's files together) and the last name; the root itself has the name ''. */
  #tryAt(path: string): { readonly fd: number; readonly name: string } | undefined {
    const { parent, name } = splitPath(path);
    if (parent === '') return { fd: this.#fd, name };
    if (this.#parent?.path === parent) return { fd: this.#parent.fd, name };
    const fd = openat2(this.#fd, parent, openPath | constants.O_DIRECTORY | closeOnExec, 0, resolveInRoot | resolveNoMagicLinks);
    if (fd < 0) return absent(`open ${textOf(parent)}`);
    this.forget();
    this.#parent = { path: parent, fd };
    return { fd, name };
  }
}

export interface Metadata {
  readonly owner?: Owner;
  /** Permission bits. */
  readonly mode?: number;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly mtimeNs?: bigint;
}

function applyMetadata(fd: number, path: string, metadata: Metadata): void {
  const { owner, mode, attributes, mtimeNs } = metadata;
  if (owner && native.fchownat(fd, nul(''), owner.uid, owner.gid, atEmptyPath) !== 0) throw systemError(`chown ${textOf(path)}`);
  if (mode !== undefined) chmodSync(proc(fd), mode & 0o7777);
  if (attributes) setAttributes(fd, textOf(path), attributes);
  if (mtimeNs !== undefined && native.utimensat(atFdCwd, nul(proc(fd)), timespecs(mtimeNs), 0) !== 0)
    throw systemError(`set time of ${textOf(path)}`);
}

/** As `Root.setMetadata`, for a file that is open; `path` is for messages. */
export function setFileMetadata(fd: number, path: string, { owner, mode, attributes, mtimeNs }: Metadata): void {
  if (owner) fchownSync(fd, owner.uid, owner.gid);
  if (mode !== undefined) fchmodSync(fd, mode & 0o7777);
  if (attributes) setAttributes(fd, textOf(path), attributes);
  if (mtimeNs !== undefined && native.futimens(fd, timespecs(mtimeNs)) !== 0) throw systemError(`set time of ${textOf(path)}`);
}

export function byteOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Tries when the kernel cannot prove that a `..` stayed inside. */
const mostTries = 10_000;

/**
 * openat2(2): any rename or mount anywhere on the system while the kernel walks a `..` makes it give up with EAGAIN,
 * and the caller is to try again.
 */
function openat2(directory: number, path: string, flags: number, mode: number, resolve: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  for (let tries = 1; ; tries += 1) {
    const fd = Number(native.openat2(openat2Number, directory, nul(path), how, how.length));
    if (fd >= 0 || tries === mostTries || lastErrno() !== errno.EAGAIN) return fd;
  }
}

/** Undefined for "there is nothing at this path", else the error. */
function absent(doing: string): undefined {
  const code = lastErrno();
  if (code === errno.ENOENT || code === errno.ENOTDIR || code === errno.ELOOP) return undefined;
  throw systemError(doing, code);
}

function nul(bytes: string): Buffer {
  return Buffer.from(`${bytes}\0`, 'latin1');
}

function proc(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function relative(path: string): string {
  return path.replace(/^\/+/, '') || '.';
}

/** `a/b/c` → parent `a/b`, name `c`; the root itself → `''`, `''`. Names are never `..`: only the kernel walks those. */
function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const trimmed = path.replace(/(?:\/+\.?)+$/, '').replace(/^(?:\.?\/+)+/, '');
  const cut = trimmed.lastIndexOf('/');
  const name = trimmed.slice(cut + 1);
  if (name === '..') throw new KindError('invalid', `path ${textOf(path)} ends in ..`);
  return { parent: cut < 0 ? '' : trimmed.slice(0, cut), name: name === '.' ? '' : name };
}
