import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Descriptor } from '../../api/oci/image.ts';
import { parseDigest } from '../../base/digest.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import type { Repository } from './repository.ts';

/** Failures in a row, without a byte between, after which a download is given up. */
const mostFailures = 5;
const firstPauseMs = 250;

export interface DownloadEvents {
  progress(bytes: number): void;
  retry(pauseMs: number): void;
}

/**
 * A blob's bytes, whatever connections break on the way: the next one goes on where the last one ended (Range).
 * Ends with an error when the content is not what the descriptor says; until then nothing of it is to be trusted.
 */
export async function* downloadBlob(
  repository: Repository,
  descriptor: Descriptor,
  events: DownloadEvents,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const digest = parseDigest(descriptor.digest);
  const hash = createHash('sha256');
  let have = 0;
  let failures = 0;
  while (have < descriptor.size || have === 0) {
    try {
      const { start, body } = await repository.blob(digest, have, signal);
      if (start > have) throw new KindError('unavailable', `blob ${digest}: the registry left out bytes ${have} to ${start}`);
      let skip = have - start;
      for await (const chunk of body) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        if (fresh.length === 0) continue;
        have += fresh.length;
        if (have > descriptor.size) throw wrongSize(descriptor, `more than ${descriptor.size}`);
        failures = 0;
        hash.update(fresh);
        events.progress(have);
        yield fresh;
      }
      if (have === descriptor.size) break;
      throw new KindError('unavailable', `blob ${digest}: the connection ended after ${have} of ${descriptor.size} bytes`);
    } catch (error) {
      failures += 1;
      if (signal.aborted) throw new KindError('canceled', 'operation canceled', { cause: error });
      if (!isTransient(error) || failures > mostFailures) throw error instanceof KindError ? error : failed(descriptor, error);
      const pause = firstPauseMs * 2 ** (failures - 1);
      events.retry(pause);
      await sleep(pause, undefined, { signal });
    }
  }
  if (`sha256:${hash.digest('hex')}` !== digest)
    throw new KindError('invalid', `layer ${digest}: filesystem layer verification failed: content has another digest`);
}

/** Broken connections and servers that are in trouble; not what the registry refuses, nor content that is wrong. */
function isTransient(error: unknown): boolean {
  return !(error instanceof KindError) || isKind(error, 'unavailable');
}

function failed(descriptor: Descriptor, error: unknown): KindError {
  return new KindError('unavailable', `download blob ${descriptor.digest}: ${messageOf(error)}`, { cause: error });
}

function wrongSize(descriptor: Descriptor, got: string): KindError {
  return new KindError('invalid', `layer ${descriptor.digest}: the manifest says ${descriptor.size} bytes, the registry sends ${got}`);
}
