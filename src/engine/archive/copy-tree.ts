import { createHash, type Hash } from 'node:crypto';
import { closeSync, readSync, type BigIntStats } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { fileAttributes, type Attributes } from '../../kernel/attributes.ts';
import { Root, setFileMetadata, textOf, type Owner } from '../../kernel/files.ts';
import { deviceOf } from '../../kernel/device-number.ts';
import { madeMode, parseChmod } from '../build/chmod.ts';
import { fileLine } from '../build/file-list.ts';
import { parseIgnore, type Ignore } from '../build/ignore.ts';
import { resolvePath } from './resolve-path.ts';
import { keptAttributes, writeAll } from './unpack.ts';

/** Copies (or only digests) parts of one tree into another, as COPY of a Dockerfile does. All paths are byte strings. */
export interface CopyJob {
  readonly from: string;
  /** `to` undefined: nothing is written, only the digest is computed. */
  readonly to?: string;
  readonly items: readonly CopyItem[];
  /** Owner of everything that is written; undefined: the source's. */
  readonly owner?: Owner;
  /** Of everything that is written, as chmod takes it (`640`, `u=rwX,go=rX`); undefined: the source's. */
  readonly mode?: string;
  /** Of the directories that items name as targets: `plain`, made with 0755 and the owner (or root), as COPY does; default: as the source's. */
  readonly targets?: 'plain' | 'source';
  /** Lines of .dockerignore's form: what they match below a directory, or a single file's name, is left out. */
  readonly exclude?: readonly string[];
}

export interface CopyItem {
  /** Path in the source tree; of a directory its content is copied. */
  readonly source: string;
  /** Full path in the target tree. */
  readonly target: string;
  /** Directories of the source tree that are made in the target with their mode and owner (`--parents`), outermost first. */
  readonly parents?: readonly { readonly source: string; readonly target: string }[];
}

export interface SeenFiles {
  /** Of names, kinds, modes, owners, data, link targets and file capabilities; not of times. */
  readonly digest: Digest;
  /** What the digest is made of, a line per file (file-list.ts), compressed (zstd). */
  readonly list: Uint8Array;
}

export interface CopyResult {
  readonly files: number;
  /** Only when nothing is written. */
  readonly seen: SeenFiles | undefined;
}

export function copyTree(job: CopyJob): CopyResult {
  using from = new Root(job.from);
  using to = job.to === undefined ? undefined : new Root(job.to);
  const copy = new Copy(from, to, job);
  for (const item of job.items) copy.item(item);
  return copy.result();
}

/** Of a thread, which does one thing at a time. */
const buffer = Buffer.alloc(262_144);

class Copy {
  readonly #from: Root;
  readonly #to: Root | undefined;
  readonly #job: CopyJob;
  readonly #hash: Hash = createHash('sha256');
  readonly #exclude: Ignore;
  readonly #mode: ((mode: number) => number) | undefined;
  /** Of directories that are made on the way. */
  readonly #madeMode: number;
  readonly #lines: string[] = [];
  /** Inode → where the present item has put it: hard links stay hard links. */
  readonly #links = new Map<string, string>();
  #files = 0;

  constructor(from: Root, to: Root | undefined, job: CopyJob) {
    this.#from = from;
    this.#to = to;
    this.#job = job;
    this.#exclude = parseIgnore(job.exclude ?? []);
    this.#mode = job.mode === undefined ? undefined : parseChmod(job.mode);
    this.#madeMode = madeMode(job.mode);
  }

  result(): CopyResult {
    if (this.#to) return { files: this.#files, seen: undefined };
    const list = zstdCompressSync(Buffer.from(this.#lines.join('')));
    return { files: this.#files, seen: { digest: `sha256:${this.#hash.digest('hex')}`, list } };
  }

  item(item: CopyItem): void {
    const stat = this.#from.statTarget(item.source);
    if (!stat) throw new KindError('notFound', `${textOf(item.source)}: no such file or directory`);
    if (!stat.isDirectory() && this.#exclude.ignores(textOf(item.source.slice(item.source.lastIndexOf('/') + 1)))) return;
    for (const parent of item.parents ?? []) this.#parent(parent);
    // Where a link leads, files go: also one that leads to nothing yet.
    const target = this.#to ? resolvePath(this.#to, item.target) : item.target;
    const cut = target.lastIndexOf('/');
    if (cut > 0) this.#to?.makeDirectories(target.slice(0, cut), this.#madeMode, this.#job.owner);
    this.#links.clear();
    if (stat.isDirectory()) this.#directory(item.source, target, '', stat);
    else this.#file(resolvePath(this.#from, item.source), target, item.target.slice(item.target.lastIndexOf('/') + 1), stat);
  }

  #parent({ source, target }: { readonly source: string; readonly target: string }): void {
    const stat = this.#from.statTarget(source);
    if (!stat) return;
    this.#note(source, target, stat, '');
    if (this.#to && this.#to.makeDirectories(target, 0o755, this.#job.owner).length > 0) this.#metadata(source, target, stat);
  }

  #directory(source: string, target: string, name: string, stat: BigIntStats): void {
    const owner = this.#job.owner ?? (this.#job.targets === 'plain' ? { uid: 0, gid: 0 } : undefined);
    const made = this.#to && (this.#to.statTarget(target)?.isDirectory() ? [] : this.#to.makeDirectories(target, this.#madeMode, owner));
    if (name !== '') this.#note(source, name, stat, '');
    // The target of COPY itself keeps what it has; directories below it take the source's mode and owner.
    if (name !== '' || ((made?.length ?? 0) > 0 && this.#job.targets !== 'plain')) this.#metadata(source, target, stat);
    for (const child of this.#from.list(source)) {
      const childName = name === '' ? child : `${name}/${child}`;
      const [childSource, childTarget] = [`${source}/${child}`, `${target}/${child}`];
      const childStat = this.#from.stat(childSource);
      if (!childStat) continue;
      if (this.#exclude.ignores(textOf(childName))) this.#kept(childSource, childTarget, childName, childStat);
      else if (childStat.isDirectory()) this.#directory(childSource, childTarget, childName, childStat);
      else this.#file(childSource, childTarget, childName, childStat);
    }
  }

  /** Below a directory that is left out, what a `!` pattern brings back. */
  #kept(source: string, target: string, name: string, stat: BigIntStats): void {
    if (!stat.isDirectory() || !this.#exclude.mayBringBack(textOf(name))) return;
    for (const child of this.#from.list(source)) {
      const [childSource, childTarget, childName] = [`${source}/${child}`, `${target}/${child}`, `${name}/${child}`];
      const childStat = this.#from.stat(childSource);
      if (!childStat) continue;
      if (this.#exclude.ignores(textOf(childName))) {
        this.#kept(childSource, childTarget, childName, childStat);
        continue;
      }
      this.#to?.makeDirectories(target, this.#madeMode, this.#job.owner);
      if (childStat.isDirectory()) this.#directory(childSource, childTarget, childName, childStat);
      else this.#file(childSource, childTarget, childName, childStat);
    }
  }

  #file(source: string, target: string, name: string, stat: BigIntStats): void {
    this.#files += 1;
    if (stat.isFile()) {
      const inode = `${stat.dev}:${stat.ino}`;
      const first = stat.nlink > 1n ? this.#links.get(inode) : undefined;
      if (first !== undefined && this.#to) {
        this.#clear(target);
        this.#to.makeHardLink(first, target);
        return;
      }
      this.#regular(source, target, name, stat);
      if (stat.nlink > 1n) this.#links.set(inode, target);
      return;
    }
    this.#clear(target);
    if (stat.isSymbolicLink()) {
      const link = this.#from.readLink(source);
      this.#note(source, name, stat, link);
      this.#to?.makeSymlink(link, target);
    } else if (stat.isFIFO() || stat.isCharacterDevice() || stat.isBlockDevice()) {
      const { major, minor } = deviceOf(stat.rdev);
      this.#note(source, name, stat, `${major}:${minor}`);
      this.#to?.makeNode(target, Number(stat.mode), major, minor);
    } else return;
    this.#metadata(source, target, stat);
  }

  /** A file takes the place of a file or link; a directory in its way is an error, as in Docker. */
  #clear(target: string): void {
    const there = this.#to?.stat(target);
    if (there?.isDirectory()) throw new KindError('invalid', `cannot copy to non-directory: ${textOf(target)}`);
    if (there) this.#to?.remove(target);
  }

  /** Most files are new: only where one is not is a look taken at what is there. */
  #create(to: Root, target: string): number {
    const created = to.tryCreateFile(target, 0o600);
    if (created !== undefined) return created;
    this.#clear(target);
    return to.createFile(target, 0o600);
  }

  #regular(source: string, target: string, name: string, stat: BigIntStats): void {
    const input = this.#from.openFile(source);
    const output = this.#to && this.#create(this.#to, target);
    try {
      const content = createHash('sha256');
      let copied = 0n;
      for (let read = readSync(input, buffer); read > 0; read = readSync(input, buffer)) {
        const data = buffer.subarray(0, read);
        if (output === undefined) content.update(data);
        else writeAll(output, data, null);
        copied += BigInt(read);
        // Spares asking for more of a small file that has ended.
        if (copied === stat.size && read < buffer.length) break;
      }
      const attributes = keptAttributes(fileAttributes(input));
      if (output === undefined) this.#note(source, name, stat, content.digest('hex'), attributes);
      else setFileMetadata(output, target, { owner: this.#ownerOf(stat), mode: this.#modeOf(stat), attributes, mtimeNs: stat.mtimeNs });
    } finally {
      closeSync(input);
      if (output !== undefined) closeSync(output);
    }
  }

  #metadata(source: string, target: string, stat: BigIntStats): void {
    if (!this.#to) return;
    const attributes = stat.isSymbolicLink() ? {} : keptAttributes(this.#from.extendedAttributes(source));
    const isDirectory = stat.isDirectory();
    // A directory may land on a link to one (`/bin`): that link stays as it is.
    if (isDirectory && !this.#to.stat(target)?.isDirectory()) return;
    const mode = stat.isSymbolicLink() ? {} : { mode: this.#modeOf(stat) & 0o7777 };
    this.#to.setMetadata(target, { owner: this.#ownerOf(stat), ...mode, attributes, ...(!isDirectory && { mtimeNs: stat.mtimeNs }) });
  }

  #ownerOf(stat: BigIntStats): Owner {
    return this.#job.owner ?? { uid: Number(stat.uid), gid: Number(stat.gid) };
  }

  #note(source: string, name: string, stat: BigIntStats, content: string, attributes: Attributes = {}): void {
    if (this.#to) return;
    const [owner, mode] = [this.#ownerOf(stat), this.#modeOf(stat)];
    this.#hash.update(`${JSON.stringify([name, mode, owner.uid, owner.gid, content, Object.entries(attributes).sort()])}\n`);
    this.#lines.push(fileLine({ path: source, mode, owner, content, attributes: Object.keys(attributes).sort() }));
  }

  #modeOf(stat: BigIntStats): number {
    const mode = Number(stat.mode);
    return this.#mode && !stat.isSymbolicLink() ? this.#mode(mode) : mode;
  }
}
