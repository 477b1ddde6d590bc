import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { KindError } from '../../base/errors.ts';
import { ByteReader } from './byte-reader.ts';

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/**
 * Decompresses every frame of a zstd stream. Node's decompressor ends, without an error, after the first one (unless its output happens
 * to fill a buffer), yet layers of many frames are common: zstd:chunked has one for each file. So the frames are told apart here. RFC 8878 §3.1.
 */
export async function* decompressZstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  try {
    while (!(await reader.atEnd())) {
      const magic = await reader.take(4);
      const number = magic.readUInt32LE(0);
      if ((number & 0xfffffff0) >>> 0 === skippableMagic) await skip(reader, (await reader.take(4)).readUInt32LE(0));
      else if (number === frameMagic) yield* decompressFrame(frame(reader, magic));
      else throw new KindError('invalid', `archive is damaged: no zstd frame at byte ${reader.position - 4}`);
    }
  } finally {
    await reader.close();
  }
}

async function* decompressFrame(bytes: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const transform = createZstdDecompress({ chunkSize: 131_072 });
  const input = Readable.from(bytes, { objectMode: false });
  input.on('error', (error) => transform.destroy(error));
  input.pipe(transform);
  try {
    yield* transform as AsyncIterable<Buffer>;
  } finally {
    input.destroy();
    transform.destroy();
  }
}

/** One frame's bytes: header, blocks until the last, checksum. */
async function* frame(reader: ByteReader, magic: Buffer): AsyncGenerator<Buffer> {
  const descriptor = await reader.take(1);
  const flags = descriptor[0] ?? 0;
  const isSingleSegment = (flags & 0x20) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  yield Buffer.concat([magic, descriptor, await reader.take((isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes)]);
  for (let isLast = false; !isLast;) {
    const head = Buffer.from(await reader.take(3));
    yield head;
    const block = head.readUIntLE(0, 3);
    isLast = (block & 1) === 1;
    const isRunLength = ((block >> 1) & 3) === 1;
    let left = isRunLength ? 1 : block >> 3;
    while (left > 0) {
      const part = await reader.some(left);
      left -= part.length;
      yield part;
    }
  }
  if ((flags & 4) !== 0) yield await reader.take(4);
}

async function skip(reader: ByteReader, length: number): Promise<void> {
  for (let left = length; left > 0;) left -= (await reader.some(left)).length;
}
