import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { StagedLayer } from '../snapshots/staged-layer.ts';
import type { PullProgress } from '../images/images.ts';

type Tell = (progress: PullProgress) => void;

interface Download {
  readonly layer: Promise<StagedLayer>;
  readonly listeners: Set<Tell>;
  readonly stop: AbortController;
  users: number;
}

/** One download per digest, however many pulls want it: each hears its progress, the last to leave stops it. */
export class SharedDownloads {
  readonly #underWay = new Map<Digest, Download>();

  /** Runs `use` on the layer; `start` is called only when nobody is at it already. */
  async run<T>(
    digest: Digest,
    start: (tell: Tell, signal: AbortSignal) => Promise<StagedLayer>,
    options: { readonly tell: Tell; readonly signal: AbortSignal },
    use: (layer: StagedLayer) => Promise<T>,
  ): Promise<T> {
    const download = this.#underWay.get(digest) ?? this.#begin(digest, start);
    download.users += 1;
    download.listeners.add(options.tell);
    try {
      return await use(await unlessAborted(download.layer, options.signal));
    } finally {
      download.listeners.delete(options.tell);
      download.users -= 1;
      if (download.users === 0) await this.#end(digest, download);
    }
  }

  #begin(digest: Digest, start: (tell: Tell, signal: AbortSignal) => Promise<StagedLayer>): Download {
    const [listeners, stop] = [new Set<Tell>(), new AbortController()];
    const tell: Tell = (progress) => listeners.forEach((listener) => listener(progress));
    const download: Download = { layer: start(tell, stop.signal), listeners, stop, users: 0 };
    download.layer.catch(() => {
      // Whoever comes after a failure tries again.
      if (this.#underWay.get(digest) === download) this.#underWay.delete(digest);
    });
    this.#underWay.set(digest, download);
    return download;
  }

  async #end(digest: Digest, download: Download): Promise<void> {
    if (this.#underWay.get(digest) === download) this.#underWay.delete(digest);
    download.stop.abort();
    const layer = await download.layer.catch(() => undefined);
    await layer?.[Symbol.asyncDispose]();
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new KindError('canceled', 'operation canceled'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
