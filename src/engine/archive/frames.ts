import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { KindError } from '../../base/errors.ts';
import type { Root } from '../../kernel/files.ts';
import type { Piece } from './blocks.ts';
import { openReplaced, ReplacedWriter, type ReplacedFiles } from './replaced.ts';

/*
 * A foreign layer's tar must come out again with the same digest, yet its file data is on disk already. So only
 * the *frame* is kept: every byte that is not file data, and in between which part of which file belongs there.
 *
 *   frames := chunk*
 *   chunk  := length(4) zstd(piece*)          a chunk holds about 1 MiB of pieces, whole ones
 *   piece  := 'b' length(4) bytes…            bytes as they are
 *           | 'f' length(4) path… member(4) offset(8) size(8)
 *                                           `size` bytes of that file from `offset` on; see replaced.ts for `member`
 */

const bytesTag = 0x62;
const fileTag = 0x66;
const chunkBytes = 1 << 20;

export class FrameWriter {
  readonly #fd: number;
  #pieces: Buffer[] = [];
  #size = 0;
  #bytes: Buffer[] = [];
  #bytesSize = 0;
  #range: { readonly path: string; readonly member: number; readonly offset: number; size: number } | undefined;
  #member: number | undefined;
  readonly replaced: ReplacedWriter;

  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
    this.replaced = new ReplacedWriter(path);
  }

  frame(bytes: Buffer): void {
    this.#endRange();
    if (bytes.length === 0) return;
    this.#bytes.push(Buffer.from(bytes));
    this.#bytesSize += bytes.length;
    if (this.#bytesSize >= chunkBytes) this.#endBytes();
  }

  /** File data of the present member, which lies at `offset` of the file. */
  body(path: string, offset: number, length: number): void {
    const range = this.#range;
    if (range && range.offset + range.size === offset) {
      range.size += length;
      return;
    }
    this.#endRange();
    this.#endBytes();
    this.#member ??= this.replaced.begin(path);
    this.#range = { path, member: this.#member, offset, size: length };
  }

  endMember(): void {
    this.#endRange();
    this.#member = undefined;
  }

  close(): void {
    this.#endRange();
    this.#endBytes();
    this.#flush();
    closeSync(this.#fd);
  }

  #endBytes(): void {
    if (this.#bytesSize === 0) return;
    const data = Buffer.concat(this.#bytes);
    [this.#bytes, this.#bytesSize] = [[], 0];
    this.#add(head(bytesTag, data.length), data);
  }

  #endRange(): void {
    const range = this.#range;
    if (!range) return;
    this.#range = undefined;
    const path = Buffer.from(range.path, 'latin1');
    const place = Buffer.alloc(20);
    place.writeUInt32BE(range.member);
    place.writeBigUInt64BE(BigInt(range.offset), 4);
    place.writeBigUInt64BE(BigInt(range.size), 12);
    this.#add(head(fileTag, path.length), path, place);
  }

  #add(...parts: readonly Buffer[]): void {
    for (const part of parts) this.#size += part.length;
    this.#pieces.push(...parts);
    if (this.#size >= chunkBytes) this.#flush();
  }

  #flush(): void {
    if (this.#size === 0) return;
    const data = zstdCompressSync(Buffer.concat(this.#pieces));
    [this.#pieces, this.#size] = [[], 0];
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    writeSync(this.#fd, Buffer.concat([length, data]));
  }
}

/** The tar whose frames were kept, file data taken from the tree. */
export function* unframe(root: Root, framesPath: string): Generator<Piece> {
  using replaced = openReplaced(framesPath);
  for (const frames of chunksOf(framesPath)) yield* pieces(root, replaced, frames, framesPath);
}

function* pieces(root: Root, replaced: ReplacedFiles, frames: Buffer, framesPath: string): Generator<Piece> {
  let position = 0;
  while (position < frames.length) {
    const tag = frames[position];
    const length = frames.readUInt32BE(position + 1);
    const data = frames.subarray(position + 5, position + 5 + length);
    position += 5 + length;
    if (tag === bytesTag) {
      yield data;
      continue;
    }
    if (tag !== fileTag) throw new KindError('internal', `frames of a layer are damaged: ${framesPath}`);
    const place = replaced.find(root, data.toString('latin1'), frames.readUInt32BE(position));
    const [offset, size] = [frames.readBigUInt64BE(position + 4), frames.readBigUInt64BE(position + 12)];
    const fd = place.root.openFile(place.path);
    try {
      yield { fd, offset: Number(offset), size: Number(size) };
    } finally {
      closeSync(fd);
    }
    position += 20;
  }
}

function* chunksOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  const take = (length: number): Buffer | undefined => {
    const buffer = Buffer.alloc(length);
    const read = readSync(fd, buffer, 0, length, null);
    if (read === 0 && length > 0) return undefined;
    if (read < length) throw new KindError('internal', `frames of a layer are cut off: ${path}`);
    return buffer;
  };
  try {
    for (let head_ = take(4); head_; head_ = take(4)) yield zstdDecompressSync(take(head_.readUInt32BE(0)) ?? Buffer.alloc(0));
  } finally {
    closeSync(fd);
  }
}

function head(tag: number, length: number): Buffer {
  const buffer = Buffer.alloc(5);
  buffer[0] = tag;
  buffer.writeUInt32BE(length, 1);
  return buffer;
}
