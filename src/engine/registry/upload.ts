import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '../../base/digest.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import { chunksOf } from './chunks.ts';
import { discard, type Incoming, type Outgoing } from './exchange.ts';

const chunkBytes = 8 << 20;
/** Failures in a row, without a byte between, after which an upload is given up. */
const mostFailures = 5;
const firstPauseMs = 250;

export interface UploadCalls {
  /** An answer that is no refusal, or an error. */
  send(place: string, outgoing: Outgoing): Promise<Incoming>;
  has(digest: Digest): Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * An upload that the registry has opened, in chunks: OCI distribution spec v1.1, §pushing a blob in chunks.
 *
 *   PATCH place, Content-Range 0-8388607      ─► 202, Location: the next place
 *   PATCH …                                   ─► the connection breaks
 *   GET place                                 ─► 204, Range: 0-3000000: what the registry has
 *   PATCH place, Content-Range 3000001-8388607
 *   PUT place?digest=…                        ─► 201
 */
export class Upload {
  readonly #calls: UploadCalls;
  #place: string;
  /** Bytes that the registry has. */
  #have = 0;
  #isLost = false;

  constructor(place: string, calls: UploadCalls) {
    this.#place = place;
    this.#calls = calls;
  }

  get place(): string {
    return this.#place;
  }

  async send(source: AsyncIterable<Uint8Array>): Promise<void> {
    let start = 0;
    for await (const chunk of chunksOf(source, chunkBytes)) {
      await this.#sendChunk(chunk, start);
      start += chunk.length;
    }
  }

  /** Closes the upload; when the answer is lost, the blob itself tells whether it was taken. */
  async finish(digest: Digest): Promise<void> {
    await this.#again(
      async () => {
        const url = new URL(this.#place, 'http://relative.invalid');
        url.searchParams.set('digest', digest);
        const place = url.host === 'relative.invalid' ? `${url.pathname}${url.search}` : url.href;
        const headers = { 'content-type': 'application/octet-stream' };
        const answer = await this.#calls.send(place, { method: 'PUT', headers, body: Buffer.alloc(0) });
        await discard(answer);
        const stored = answer.headers['docker-content-digest'];
        if (typeof stored === 'string' && stored !== digest)
          throw new KindError('invalid', `registry ${answer.url.host} stored blob ${digest} as ${stored}`);
        return true;
      },
      () => this.#calls.has(digest),
    );
  }

  async #sendChunk(chunk: Buffer, start: number): Promise<void> {
    const end = start + chunk.length;
    await this.#again(
      async () => {
        if (this.#have < start || this.#have > end)
          throw new KindError('invalid', `the registry has ${this.#have} bytes of an upload of which ${start} to ${end} are at hand`);
        const body = chunk.subarray(this.#have - start);
        if (body.length === 0) return true;
        const headers = { 'content-type': 'application/octet-stream', 'content-range': `${this.#have}-${end - 1}` };
        const answer = await this.#calls.send(this.#place, { method: 'PATCH', headers, body });
        await discard(answer);
        this.#place = answer.headers.location ?? this.#place;
        this.#have = end;
        return true;
      },
      async () => {
        await this.#look();
        return false;
      },
    );
  }

  /** Asks how far the upload is. distribution 2.8 does not tell once a chunk came in part: then all begins again. */
  async #look(): Promise<void> {
    const answer = await this.#calls.send(this.#place, { method: 'GET' }).catch((error: unknown) => {
      if (!isKind(error, 'notFound')) throw error;
      this.#isLost = true;
      throw new KindError('unavailable', `the registry no longer knows the upload: ${messageOf(error)}`, { cause: error });
    });
    await discard(answer);
    this.#place = answer.headers.location ?? this.#place;
    const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? '')?.[1] ?? 0);
    // `0-0` is what registries say of an upload that has nothing yet.
    this.#have = last === 0 ? 0 : last + 1;
  }

  /** Tries until it is done; after a broken connection `look` finds out where things stand. */
  async #again(act: () => Promise<boolean>, look: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#calls;
    let [failures, before] = [0, this.#have];
    for (;;) {
      try {
        if (await (failures === 0 ? act() : look().then((isDone) => isDone || act()))) return;
      } catch (error) {
        if (signal.aborted) throw new KindError('canceled', 'operation canceled', { cause: error });
        if (this.#have > before) [failures, before] = [0, this.#have];
        failures += 1;
        if (this.#isLost || !isKind(error, 'unavailable') || failures > mostFailures) throw error;
        await sleep(firstPauseMs * 2 ** (failures - 1), undefined, { signal });
      }
    }
  }
}
