import { createHash } from 'node:crypto';
import { createWriteStream, utimesSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';

/** GETs a URL into a new file of mode 0600 that has the time of `Last-Modified`; returns the content's digest. */
export async function downloadTo(url: string, file: string, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) throw new KindError('unavailable', `got status ${response.status} ${response.statusText}`);
    const hashed = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(Readable.fromWeb(response.body), hashed, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal });
    const modified = Date.parse(response.headers.get('last-modified') ?? '');
    const time = Number.isNaN(modified) ? 0 : modified / 1000;
    utimesSync(file, time, time);
  } catch (error) {
    if (signal.aborted || isKind(error, 'canceled')) throw new KindError('canceled', 'build canceled', { cause: error });
    throw new KindError('unavailable', `failed to GET ${url}: ${messageOf(error)}`, { cause: error });
  }
  return `sha256:${hash.digest('hex')}`;
}
