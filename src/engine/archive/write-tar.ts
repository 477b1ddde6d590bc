import { blockSize, paddingOf, type TarEntry } from './entry.ts';
import { encodeHeader, fitsOctal, flagOfType } from './header.ts';
import { attributePrefix, encodePax, formatTime } from './pax.ts';

/** The header blocks of one entry, always the same bytes for the same entry: a PAX header only where ustar does not suffice. */
export function encodeEntry(entry: TarEntry): Buffer {
  const size = entry.type === 'file' ? entry.size : 0;
  const records = paxOf(entry, size);
  const name = entry.type === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  const main = encodeHeader({
    name,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size,
    mtime: Number(floorSeconds(entry.mtimeNs)),
    flag: flagOfType[entry.type],
    linkName: entry.linkName,
    major: entry.major,
    minor: entry.minor,
  });
  if (Object.keys(records).length === 0) return main;
  return Buffer.concat([encodePaxHeader(name, records), main]);
}

/** The two zero blocks at the end. */
export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * blockSize);
}

export function padding(size: number): Buffer {
  return Buffer.alloc(paddingOf(size));
}

/** An entry with defaults, for archives that are made in memory. */
export function entryOf(entry: Partial<TarEntry> & { readonly name: string }): TarEntry {
  return { type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtimeNs: 0n, linkName: '', major: 0, minor: 0, attributes: {}, ...entry };
}

function paxOf(entry: TarEntry, size: number): Record<string, string> {
  const records: Record<string, string> = {};
  const name = entry.type === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  if (name.length > 100 || !isAscii(name)) records.path = name;
  if (entry.linkName.length > 100 || !isAscii(entry.linkName)) records.linkpath = entry.linkName;
  if (!fitsOctal(size, 12)) records.size = String(size);
  if (!fitsOctal(entry.uid, 8)) records.uid = String(entry.uid);
  if (!fitsOctal(entry.gid, 8)) records.gid = String(entry.gid);
  if (entry.mtimeNs < 0n || entry.mtimeNs % 1_000_000_000n !== 0n) records.mtime = formatTime(entry.mtimeNs);
  for (const [key, value] of Object.entries(entry.attributes)) records[`${attributePrefix}${key}`] = value;
  return records;
}

function encodePaxHeader(name: string, records: Readonly<Record<string, string>>): Buffer {
  const data = encodePax(records);
  const header = encodeHeader({
    name: `PaxHeaders.0/${name.replace(/\/$/, '').split('/').at(-1) ?? ''}`,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: 0,
    flag: 'x',
    linkName: '',
    major: 0,
    minor: 0,
  });
  return Buffer.concat([header, data, padding(data.length)]);
}

function floorSeconds(nanoseconds: bigint): bigint {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return (nanoseconds - rest) / 1_000_000_000n;
}

function isAscii(bytes: string): boolean {
  return !/[\x80-\xff]/.test(bytes);
}
