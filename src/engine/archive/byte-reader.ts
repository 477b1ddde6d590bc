import { KindError } from '../../base/errors.ts';

/** Pulls exact amounts out of a stream of chunks. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #offset = 0;
  #position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position;
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** Exactly `length` bytes; `invalid` when the stream ends before. */
  async take(length: number): Promise<Buffer> {
    const first = this.#buffered(length);
    if (first.length === length) return first;
    const parts = [first];
    let have = first.length;
    while (have < length) {
      const part = await this.some(length - have);
      parts.push(part);
      have += part.length;
    }
    return Buffer.concat(parts, length);
  }

  /** Between 1 and `limit` bytes; `invalid` at the end of the stream. */
  async some(limit: number): Promise<Buffer> {
    if (!(await this.#fill())) throw new KindError('invalid', `archive ends unexpectedly after ${this.#position} bytes`);
    return this.#buffered(limit);
  }

  async *rest(): AsyncGenerator<Buffer> {
    while (await this.#fill()) yield this.#buffered(Number.MAX_SAFE_INTEGER);
  }

  /** Lets the source go; it may still have data. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #buffered(limit: number): Buffer {
    const part = this.#chunk.subarray(this.#offset, Math.min(this.#chunk.length, this.#offset + limit));
    this.#offset += part.length;
    this.#position += part.length;
    return part;
  }

  async #fill(): Promise<boolean> {
    while (this.#offset >= this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      this.#offset = 0;
    }
    return true;
  }
}
