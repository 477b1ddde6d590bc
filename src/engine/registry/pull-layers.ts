import type { Descriptor, ImageConfig, Manifest } from '../../api/oci/image.ts';
import { parseDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import { Slots } from '../../base/slots.ts';
import type { Lease } from '../gc/leases.ts';
import type { PullProgress } from '../images/images.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { chainIdOf } from '../snapshots/layers.ts';
import type { StagedLayer } from '../snapshots/staged-layer.ts';
import { downloadBlob } from './blob-download.ts';
import type { Repository } from './repository.ts';
import { SharedDownloads } from './shared-downloads.ts';

/** dockerd's number. */
const parallelDownloads = 3;

interface PullContext {
  readonly repository: Repository;
  readonly tell: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
  readonly lease: Lease;
}

/**
 * Brings the layers of images. Each layer is a stream from the socket through decompression and both digests into its
 * directory, all layers at once; only taking their places in the chain goes from below.
 */
export class LayerPuller {
  readonly #snapshots: OverlaySnapshots;
  readonly #downloads = new SharedDownloads();
  readonly #slots = new Slots(parallelDownloads);

  constructor(snapshots: OverlaySnapshots) {
    this.#snapshots = snapshots;
  }

  async pull(manifest: Manifest, config: ImageConfig, context: PullContext): Promise<void> {
    const diffIds = config.rootfs.diff_ids.map(parseDigest);
    if (diffIds.length !== manifest.layers.length)
      throw new KindError('invalid', 'the image config and the manifest disagree about the number of layers');
    const stop = new AbortController();
    const inner = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
    /** The error that stopped everything else. */
    let first: unknown;
    let below: Promise<void> = Promise.resolve();
    const all = manifest.layers.map((layer, index) => {
      below = this.#layer(layer, diffIds.slice(0, index + 1), below, inner);
      below.catch((error: unknown) => {
        first ??= error;
        stop.abort();
      });
      return below;
    });
    await Promise.allSettled(all);
    if (first !== undefined) throw first;
  }

  async #layer(layer: Descriptor, chain: readonly Digest[], below: Promise<void>, context: PullContext): Promise<void> {
    const { lease, tell } = context;
    const id = shortId(layer.digest);
    const chainId = chainIdOf(chain);
    const diffId = chain.at(-1);
    if (chainId === undefined || diffId === undefined) return;
    // Leased before it is looked for, so that no sweep comes between.
    lease.keep(chainId);
    if (this.#snapshots.has(chain)) {
      tell({ id, status: 'Already exists' });
      return below;
    }
    tell({ id, status: 'Pulling fs layer' });
    const start = (say: PullContext['tell'], signal: AbortSignal): Promise<StagedLayer> =>
      this.#slots.run(() => this.#stage(layer, diffId, { ...context, tell: say, signal }));
    await this.#downloads.run(parseDigest(layer.digest), start, context, async (staged) => {
      await below;
      if (staged.content.diffId !== diffId) throw new KindError('invalid', `layer ${diffId}: content has digest ${staged.content.diffId}`);
      tell({ id, status: 'Extracting', current: layer.size, total: layer.size });
      await this.#snapshots.adopt(chain.slice(0, -1), staged, lease);
    });
    tell({ id, status: 'Pull complete' });
  }

  async #stage(layer: Descriptor, diffId: Digest, { repository, tell, signal }: PullContext): Promise<StagedLayer> {
    const id = shortId(layer.digest);
    const known = this.#snapshots.withDiffId(diffId);
    // The same content over something else: nothing has to be fetched.
    if (known !== undefined) return this.#snapshots.stage(this.#snapshots.tar(known, signal), diffId, signal);
    let told = 0;
    const events = {
      progress: (current: number): void => {
        if (current - told < layer.size / 50 && current < layer.size) return;
        told = current;
        tell({ id, status: 'Downloading', current, total: layer.size });
      },
      retry: (pauseMs: number): void => tell({ id, status: `Retrying in ${Math.ceil(pauseMs / 1000)} second${pauseMs > 1000 ? 's' : ''}` }),
    };
    const stop = new AbortController();
    const source = downloadBlob(repository, layer, events, AbortSignal.any([signal, stop.signal]));
    const complete = async function* (): AsyncGenerator<Uint8Array> {
      yield* source;
      tell({ id, status: 'Verifying Checksum' });
      tell({ id, status: 'Download complete' });
    };
    try {
      return await this.#snapshots.stage(complete(), diffId, signal);
    } finally {
      stop.abort();
    }
  }
}
