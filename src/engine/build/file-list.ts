import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { textOf, type Owner } from '../../kernel/files.ts';

/** What the cache knows of one file that a step reads. */
export interface ListedFile {
  /** Byte string, relative to the context or stage. */
  readonly path: string;
  /** With file type bits. */
  readonly mode: number;
  readonly owner: Owner;
  /** SHA-256 of a file, target of a link, numbers of a device; '' of a directory. */
  readonly content: string;
  readonly attributes: readonly string[];
}

/** `path NUL mode NUL uid:gid NUL content NUL attributes`, content cut to what tells files apart. */
export function fileLine({ path, mode, owner, content, attributes }: ListedFile): string {
  const short = /^[0-9a-f]{64}$/.test(content) ? content.slice(0, 24) : content;
  return `${[path.replaceAll('\n', '\\n'), mode.toString(8), `${owner.uid}:${owner.gid}`, short, attributes.join(' ')].join('\0')}\n`;
}

/** Reads a compressed list: path → attribute → value. */
export function readList(list: Uint8Array): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const lines = zstdDecompressSync(list).toString().split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [path = '', mode = '', owner = '', content = '', attributes = ''] = line.split('\0');
      return [textOf(path.replace(/^\//, '')), { mode, owner, content, attributes }];
    }),
  );
}

/** What differs between two lists, at most `limit` lines: `src/a.ts: content`, `run.sh: mode 644 → 755`, `b: new file`. */
export function listChanges(before: Uint8Array, after: Uint8Array, limit: number): readonly string[] {
  const [old, now] = [readList(before), readList(after)];
  const changes: string[] = [];
  for (const [path, file] of now) {
    const known = old.get(path);
    if (!known) changes.push(`${path}: new file`);
    else changes.push(...attributeChanges(path, known, file));
  }
  for (const path of old.keys()) if (!now.has(path)) changes.push(`${path}: gone`);
  if (changes.length <= limit) return changes;
  return [...changes.slice(0, limit), `and ${changes.length - limit} more`];
}

function attributeChanges(
  path: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(after).flatMap(([name, value]) => {
    const known = before[name] ?? '';
    if (known === value) return [];
    if (name === 'content') return [`${path}: content`];
    const shown = (text: string): string => (name === 'mode' ? text.slice(-4).replace(/^0(?=...)/, '') : text) || 'none';
    return [`${path}: ${name} ${shown(known)} → ${shown(value)}`];
  });
}

export function joinedLists(lists: readonly Uint8Array[]): Uint8Array {
  return zstdCompressSync(Buffer.concat(lists.map((list) => zstdDecompressSync(list))));
}
