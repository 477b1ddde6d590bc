import { Readable, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { KindError, messageOf } from '../../base/errors.ts';
import { decompressZstd } from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Told by the first bytes of a stream. */
export function compressionOf(start: Uint8Array): Compression {
  const hex = Buffer.from(start.subarray(0, 6)).toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  if (hex.startsWith('28b52ffd')) return 'zstd';
  if (hex.startsWith('425a68')) return 'bzip2';
  return hex.startsWith('fd377a585a00') ? 'xz' : 'none';
}

/** The stream without its gzip or zstd wrapping. */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 6) {
    const next = await iterator.next();
    if (next.done) break;
    start = Buffer.concat([start, next.value]);
  }
  const whole = continued(start, iterator);
  const compression = compressionOf(start);
  if (compression === 'none') {
    yield* whole;
    return;
  }
  if (compression === 'zstd') {
    try {
      yield* decompressZstd(whole);
    } catch (error) {
      throw damaged(error);
    }
    return;
  }
  const transform = decompressor(compression);
  const input = Readable.from(whole, { objectMode: false });
  input.on('error', (error) => transform.destroy(error));
  input.pipe(transform);
  try {
    for await (const chunk of transform) yield chunk;
  } catch (error) {
    throw damaged(error);
  } finally {
    input.destroy();
    transform.destroy();
  }
}

function damaged(error: unknown): KindError {
  return error instanceof KindError ? error : new KindError('invalid', `archive is damaged: ${messageOf(error)}`, { cause: error });
}

function decompressor(compression: Compression): Transform {
  if (compression === 'gzip') return createGunzip({ chunkSize: 131_072 });
  throw new KindError('notImplemented', `archives compressed with ${compression} cannot be read: use gzip, zstd or no compression`);
}

async function* continued(start: Buffer, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (start.length > 0) yield start;
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
