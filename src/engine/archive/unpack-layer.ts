import { Root } from '../../kernel/files.ts';
import { Bounds, type Limits } from './bounds.ts';
import { decompressed } from './compression.ts';
import { FrameWriter } from './frames.ts';
import type { UnpackJobResult } from './jobs.ts';
import { TarHash } from './tar-hash.ts';
import { unpackInto, type UnpackOptions } from './unpack.ts';

export interface UnpackTarget {
  readonly root: string;
  readonly options: UnpackOptions;
  /** Where to keep what is needed to write the same tar again. */
  readonly frames?: string;
  readonly limits?: Partial<Limits>;
}

/**
 * Unpacks a tar (plain, gzip, zstd), and says what digest it has without its compression.
 * `arrived`: bytes that came from outside so far, where the source itself was compressed: a bomb in a bomb is measured by these.
 */
export async function unpackLayer(
  source: AsyncIterable<Uint8Array>,
  target: UnpackTarget,
  arrived: () => number = () => Number.MAX_SAFE_INTEGER,
): Promise<UnpackJobResult> {
  using root = new Root(target.root);
  let consumed = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      consumed += chunk.length;
      yield chunk;
    }
  };
  const hash = new TarHash();
  const frames = target.frames === undefined ? undefined : new FrameWriter(target.frames);
  try {
    const bounds = new Bounds(() => Math.min(consumed, arrived()), target.limits);
    const bounded = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of decompressed(counted())) {
        bounds.tar(chunk.length);
        yield chunk;
      }
    };
    const result = await unpackInto(root, hash.through(bounded()), target.options, frames, bounds);
    return { ...result, ...hash.result() };
  } finally {
    frames?.close();
  }
}
