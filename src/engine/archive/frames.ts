import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { KindError } from '../../base/errors.ts';
import type { Root } from '../../kernel/files.ts';
import { fileBody } from './pack.ts';
import type { UnpackObserver } from './unpack.ts';

/*
 * A foreign layer's tar must come out again with the same digest, yet its file data is on disk already. So only
 * the *frame* is kept: every byte that is not file data, and in between which file's data belongs there.
 *
 *   frame  := piece*          the whole zstd-compressed
 *   piece  := 'b' length(4) bytes…            bytes as they are
 *           | 'f' length(4) path… size(8)     `size` bytes of that file
 */

const bytesTag = 0x62;
const fileTag = 0x66;

export class FrameWriter implements UnpackObserver {
  readonly #path: string;
  #pieces: Buffer[] = [];
  #bytes: Buffer[] = [];
  #file: { readonly path: string; size: number } | undefined;
  readonly #files = new Set<string>();
  #isExact = true;

  constructor(path: string) {
    this.#path = path;
  }

  /** False once a member has been replaced by a later one: its data is not on disk any more. */
  get isExact(): boolean {
    return this.#isExact;
  }

  frame(bytes: Buffer): void {
    this.#endFile();
    if (bytes.length > 0) this.#bytes.push(Buffer.from(bytes));
  }

  body(path: string, chunk: Buffer): void {
    if (this.#file && this.#file.path !== path) this.#endFile();
    this.#endBytes();
    this.#file ??= { path, size: 0 };
    this.#file.size += chunk.length;
  }

  replaced(path: string): void {
    const inside = `${path}/`;
    for (const file of this.#files) if (file === path || file.startsWith(inside)) this.#isExact = false;
  }

  /** Data whose place on disk differs from the archive (sparse files, whiteouts with a body). */
  inexact(): void {
    this.#isExact = false;
  }

  close(): void {
    this.#endFile();
    this.#endBytes();
    if (!this.#isExact) return;
    const fd = openSync(this.#path, 'w', 0o600);
    try {
      writeSync(fd, zstdCompressSync(Buffer.concat(this.#pieces)));
    } finally {
      closeSync(fd);
    }
  }

  #endBytes(): void {
    if (this.#bytes.length === 0) return;
    const data = Buffer.concat(this.#bytes);
    this.#bytes = [];
    this.#pieces.push(head(bytesTag, data.length), data);
  }

  #endFile(): void {
    const file = this.#file;
    if (!file) return;
    this.#file = undefined;
    const path = Buffer.from(file.path, 'latin1');
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(file.size));
    this.#pieces.push(head(fileTag, path.length), path, size);
    this.#files.add(file.path);
  }
}

/** The tar whose frames were kept, file data taken from the tree. */
export function* unframe(root: Root, framesPath: string): Generator<Buffer> {
  const frames = zstdDecompressSync(readFileSync(framesPath));
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
    yield* fileData(root, data.toString('latin1'), Number(frames.readBigUInt64BE(position)));
    position += 8;
  }
}

function* fileData(root: Root, path: string, size: number): Generator<Buffer> {
  let left = size;
  for (const chunk of fileBody(root, path, size)) {
    if (left <= 0) return;
    left -= chunk.length;
    yield chunk;
  }
}

function head(tag: number, length: number): Buffer {
  const buffer = Buffer.alloc(5);
  buffer[0] = tag;
  buffer.writeUInt32BE(length, 1);
  return buffer;
}
