import { KindError } from '../../base/errors.ts';
import { textOf } from '../../kernel/files.ts';
import { ByteReader } from './byte-reader.ts';
import { blockSize, paddingOf, type Segment, type TarEntry } from './entry.ts';
import { decodeHeader, number, text, typeOfFlag, type Header } from './header.ts';
import { attributePrefix, decodePax, parseTime, type PaxRecords } from './pax.ts';

export interface TarMember {
  readonly entry: TarEntry;
  /** Undefined: the body is the whole file. Else the body is the data of these segments, one after the other. */
  readonly segments: readonly Segment[] | undefined;
  /** Bytes that the archive holds for this member. */
  readonly bodySize: number;
  /** Data in pieces; what is left unread is skipped. */
  body(): AsyncIterable<Buffer>;
}

/**
 * Members of an uncompressed tar stream in order: ustar, PAX, GNU long names, sparse files (GNU old, PAX 1.0).
 * `onFrame` gets every byte that is not file data, so that header bytes can be kept.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, onFrame?: (bytes: Buffer) => void): AsyncGenerator<TarMember> {
  const reader = new ByteReader(source);
  const frame = async (length: number): Promise<Buffer> => {
    const bytes = await reader.take(length);
    onFrame?.(bytes);
    return bytes;
  };
  try {
    yield* members(reader, frame);
    for await (const rest of reader.rest()) onFrame?.(rest);
  } finally {
    await reader.close();
  }
}

async function* members(reader: ByteReader, frame: Frame): AsyncGenerator<TarMember> {
  let globals: PaxRecords = {};
  for (;;) {
    let pax: PaxRecords = globals;
    let header = await nextHeader(reader, frame);
    while (header && 'xgLK'.includes(header.flag)) {
      if (header.size > 1 << 20) throw new KindError('invalid', 'not a tar archive: extended header of more than 1 MiB');
      const data = await frame(header.size);
      await frame(paddingOf(header.size));
      if (header.flag === 'g') globals = { ...globals, ...decodePax(data) };
      pax = { ...globals, ...pax, ...longName(header.flag, data) };
      header = await nextHeader(reader, frame);
    }
    if (!header) return;
    yield* member(reader, frame, header, pax);
  }
}

function longName(flag: string, data: Buffer): PaxRecords {
  if (flag === 'x') return decodePax(data);
  if (flag === 'L') return { path: text(data, 0, data.length) };
  return flag === 'K' ? { linkpath: text(data, 0, data.length) } : {};
}

type Frame = (length: number) => Promise<Buffer>;

async function nextHeader(reader: ByteReader, frame: Frame): Promise<(Header & { readonly block: Buffer }) | undefined> {
  if (await reader.atEnd()) return undefined;
  const position = reader.position;
  const block = await frame(blockSize);
  const header = decodeHeader(block, position);
  return header && { ...header, block };
}

async function* member(
  reader: ByteReader,
  frame: Frame,
  header: Header & { readonly block: Buffer },
  pax: PaxRecords,
): AsyncGenerator<TarMember> {
  const type = typeOfFlag[header.flag];
  const stored = pax.size === undefined ? header.size : numberOf(pax.size, 'size');
  if (!type) {
    // POSIX: an unknown type is to be treated as a regular file; vendors' metadata (volume labels, dump directories) is of no use here.
    await skip(frame, stored);
    return;
  }
  const size = type === 'file' ? stored : 0;
  const sparse = await sparseOf(frame, header, pax, size);
  const entry = entryFrom(header, pax, type, sparse?.realSize ?? size);
  if (sparse) checkSegments(sparse, entry.name);
  let left = size - (sparse?.mapBytes ?? 0);
  const bodySize = left;
  yield {
    entry: entry.type === 'file' && entry.name.endsWith('/') ? { ...entry, type: 'directory' } : entry,
    segments: sparse?.segments,
    bodySize,
    body: async function* () {
      while (left > 0) {
        const chunk = await reader.some(left);
        left -= chunk.length;
        yield chunk;
      }
    },
  };
  // What nobody read is no file's data.
  while (left > 0) left -= (await frame(Math.min(left, 65_536))).length;
  await frame(paddingOf(size));
}

async function skip(frame: Frame, size: number): Promise<void> {
  let left = size;
  while (left > 0) left -= (await frame(Math.min(left, 65_536))).length;
  await frame(paddingOf(size));
}

interface Sparse {
  readonly segments: readonly Segment[];
  readonly realSize: number;
  /** Bytes of the body that the map itself takes. */
  readonly mapBytes: number;
}

async function sparseOf(
  frame: Frame,
  header: Header & { readonly block: Buffer },
  pax: PaxRecords,
  size: number,
): Promise<Sparse | undefined> {
  if (header.flag === 'S') return oldSparse(frame, header.block);
  const map = pax['GNU.sparse.map'];
  // PAX formats 0.0 and 0.1 have the map in the header: `0,512,1048576,3`
  if (map !== undefined) {
    const numbers = map === '' ? [] : map.split(',').map((digits) => numberOf(digits, 'GNU.sparse.map'));
    return { segments: pairs(numbers), realSize: numberOf(pax['GNU.sparse.size'] ?? '', 'GNU.sparse.size'), mapBytes: 0 };
  }
  if (pax['GNU.sparse.major'] === undefined) return undefined;
  if (pax['GNU.sparse.major'] !== '1')
    throw new KindError('notImplemented', `sparse file of PAX format ${pax['GNU.sparse.major']}: 0.0 to 1.0 can be read`);
  return paxSparse(frame, numberOf(pax['GNU.sparse.realsize'] ?? '', 'GNU.sparse.realsize'), size);
}

/** The map is decimal numbers, one per line, at the start of the body, padded to a block: count, then offset and length of each segment. */
async function paxSparse(frame: Frame, realSize: number, size: number): Promise<Sparse> {
  let map = '';
  let mapBytes = 0;
  const more = async (): Promise<void> => {
    if (mapBytes + blockSize > size) throw new KindError('invalid', 'not a tar archive: sparse map is longer than its file');
    map += (await frame(blockSize)).toString('latin1');
    mapBytes += blockSize;
  };
  await more();
  const count = numberOf(map.slice(0, map.indexOf('\n')), 'sparse map');
  if (2 * count > mostSparseNumbers) throw new KindError('invalid', 'not a tar archive: sparse map of more than a million segments');
  while (map.split('\n').length < 2 + 2 * count) await more();
  const numbers = map.split('\n', 1 + 2 * count).map((line) => numberOf(line, 'sparse map'));
  return { segments: pairs(numbers.slice(1)), realSize, mapBytes };
}

/** GNU's old form: four segments in the header, more in following blocks of 21. */
async function oldSparse(frame: Frame, block: Buffer): Promise<Sparse> {
  const numbers: number[] = [];
  const collect = (from: Buffer, start: number, count: number): void => {
    for (let index = 0; index < count; index++) {
      if (from[start + 24 * index] === 0) return;
      numbers.push(number(from, start + 24 * index, 12), number(from, start + 24 * index + 12, 12));
    }
  };
  collect(block, 386, 4);
  let isExtended = block[482] !== 0;
  while (isExtended) {
    const extension = await frame(blockSize);
    collect(extension, 0, 21);
    isExtended = extension[504] !== 0;
  }
  return { segments: pairs(numbers), realSize: number(block, 483, 12), mapBytes: 0 };
}

/** One after the other and inside the file: else the data on disk would not be what the archive holds. */
function checkSegments({ segments, realSize }: Sparse, name: string): void {
  let end = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > realSize)
      throw new KindError('invalid', `not a tar archive: member "${textOf(name)}": the map of a sparse file goes back or beyond its end`);
    end = offset + length;
  }
}

function pairs(numbers: readonly number[]): Segment[] {
  const segments: Segment[] = [];
  if (numbers.length > mostSparseNumbers) throw new KindError('invalid', 'not a tar archive: sparse map of more than a million segments');
  for (let index = 0; index + 1 < numbers.length; index += 2)
    segments.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  return segments;
}

const mostSparseNumbers = 2_000_000;

function entryFrom(header: Header, pax: PaxRecords, type: TarEntry['type'], size: number): TarEntry {
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(pax))
    if (key.startsWith(attributePrefix)) attributes[key.slice(attributePrefix.length)] = value;
  const name = pax['GNU.sparse.name'] ?? pax.path ?? header.name;
  const linkName = pax.linkpath ?? header.linkName;
  const cut = [name, linkName, ...Object.keys(attributes)].find((bytes) => bytes.includes('\0'));
  if (cut !== undefined)
    throw new KindError('invalid', `not a tar archive: member "${textOf(cut.replaceAll('\0', String.raw`\0`))}": a name with a NUL byte`);
  return {
    name,
    type,
    mode: header.mode,
    uid: pax.uid === undefined ? header.uid : numberOf(pax.uid, 'uid'),
    gid: pax.gid === undefined ? header.gid : numberOf(pax.gid, 'gid'),
    size,
    mtimeNs: pax.mtime === undefined ? BigInt(header.mtime) * 1_000_000_000n : parseTime(pax.mtime),
    linkName,
    major: header.major,
    minor: header.minor,
    attributes,
  };
}

function numberOf(value: string, what: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new KindError('invalid', `not a tar archive: bad ${what} "${value}"`);
}
