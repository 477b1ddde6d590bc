import { createHash } from 'node:crypto';
import type { Digest } from '../../base/digest.ts';

/** Digest and length of a tar that goes by. */
export class TarHash {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.update(chunk);
      yield chunk;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  result(): { readonly diffId: Digest; readonly tarBytes: number } {
    return { diffId: `sha256:${this.#hash.digest('hex')}`, tarBytes: this.#bytes };
  }
}
