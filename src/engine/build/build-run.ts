import type { HistoryEntry, ImageConfig, RunConfig } from '../../api/oci/image.ts';
import { digestOf, hexOf, type Digest } from '../../base/digest.ts';
import { isKind, KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { architecture } from '../images/import.ts';
import type { Image } from '../images/images.ts';
import type { LocalImages } from '../images/local-images.ts';
import type { Records } from '../images/records.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import type { BuildOutput, BuildRequest, StepRunner } from './builder.ts';
import type { BuildContext } from './context.ts';

/** What the store keeps of a cached step, under /engine/build-cache/<key>. */
export interface CacheRecord {
  readonly imageId: Digest;
}

export interface BuilderOptions {
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly steps: StepRunner;
  readonly kernel: Kernel;
  readonly log: Log;
}

/** The state of a stage after some of its steps. */
export interface StepState {
  readonly config: RunConfig;
  readonly layers: readonly Digest[];
  readonly history: readonly HistoryEntry[];
  readonly author: string | undefined;
  /** The image of this state; undefined only directly after FROM scratch. */
  readonly imageId: Digest | undefined;
}

export const scratch: StepState = { config: {}, layers: [], history: [], author: undefined, imageId: undefined };

/** What one build shares between its stages. */
export class BuildRun {
  readonly request: BuildRequest;
  readonly context: BuildContext;
  readonly options: BuilderOptions;
  readonly signal: AbortSignal;
  /** For downloads. */
  readonly directory: string;
  readonly usedArguments = new Set<string>();
  readonly #cache: Records<CacheRecord>;
  readonly #emit: (output: BuildOutput) => void;
  #step = 0;
  #steps = 0;

  constructor(
    options: BuilderOptions,
    request: BuildRequest,
    context: BuildContext,
    directory: string,
    cache: Records<CacheRecord>,
    emit: (output: BuildOutput) => void,
    signal: AbortSignal,
  ) {
    this.options = options;
    this.request = request;
    this.context = context;
    this.directory = directory;
    this.#cache = cache;
    this.#emit = emit;
    this.signal = signal;
  }

  print(text: string): void {
    this.#emit({ stream: text });
  }

  expectSteps(count: number): void {
    this.#steps += count;
  }

  announce(text: string): void {
    if (this.signal.aborted) throw new KindError('canceled', 'build canceled');
    this.#step += 1;
    this.print(`Step ${this.#step}/${this.#steps} : ${text}\n`);
  }

  /** The base image, pulled where it is missing (or always, as asked). */
  async base(reference: string): Promise<StepState> {
    if (reference === 'scratch') return scratch;
    const image = await this.#find(reference);
    this.print(` ---> ${shortId(image.id)}\n`);
    return stateOf(image.config, image.id);
  }

  /** The image of a `--from` or FROM. */
  async #find(reference: string): Promise<Image> {
    const { images } = this.options;
    const known = await images.get(reference).catch((error: unknown) => {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    });
    if (known && !this.request.pull) return known;
    try {
      for await (const progress of images.pull(reference, { platform: this.request.platform }, this.signal)) {
        if (progress.current === undefined) this.print(`${progress.id === undefined ? '' : `${progress.id}: `}${progress.status}\n`);
      }
      return await images.get(reference);
    } catch (error) {
      if (known) return known;
      const why = error instanceof Error ? error.message : String(error);
      throw new KindError(
        'notFound',
        `base image ${reference} is not on this host, and pulling it failed: ${why}. Make it with "davit base ${reference}" or bring it in with "docker load" or "docker pull"`,
        { cause: error },
      );
    }
  }

  /** The state that an earlier build reached from the same parent by the same step. */
  cached(key: string): StepState | undefined {
    if (this.request.noCache) return undefined;
    const { images, snapshots } = this.options;
    const record = this.#cache.get(key);
    const image = record && images.table.get(record.imageId);
    if (!image) return undefined;
    const state = stateOf(JSON.parse(image.config) as ImageConfig, image.id);
    if (!snapshots.has(state.layers)) return undefined;
    this.print(' ---> Using cache\n');
    this.print(` ---> ${shortId(image.id)}\n`);
    return state;
  }

  /** Makes the image of a step and remembers it for the next build. */
  async commit(
    before: StepState,
    key: string,
    after: { readonly config: RunConfig; readonly told: string; readonly layer?: Digest; readonly author?: string },
  ): Promise<StepState> {
    const created = new Date().toISOString();
    const entry: HistoryEntry = { created, created_by: after.told, ...(after.layer === undefined ? { empty_layer: true } : {}) };
    const layers = after.layer === undefined ? before.layers : [...before.layers, after.layer];
    const author = after.author ?? before.author;
    const config: ImageConfig = {
      created,
      ...(author === undefined ? {} : { author }),
      architecture: architecture(),
      os: 'linux',
      config: after.config,
      rootfs: { type: 'layers', diff_ids: layers },
      history: [...before.history, entry],
    };
    const image = await this.options.images.create(config, { parent: before.imageId });
    await this.#cache.put(key, { imageId: image.id });
    this.print(` ---> ${shortId(image.id)}\n`);
    // As it will be read from the store: the next step's cache key must not depend on how this state came about.
    return stateOf(image.config, image.id);
  }
}

/** Same parent, same step, same content: same key. */
export function cacheKey(state: StepState, ...parts: readonly unknown[]): string {
  return hexOf(digestOf(JSON.stringify([state.imageId ?? 'scratch', ...parts])));
}

function stateOf(image: ImageConfig, id: Digest): StepState {
  return { config: image.config, layers: image.rootfs.diff_ids, history: image.history ?? [], author: image.author, imageId: id };
}
