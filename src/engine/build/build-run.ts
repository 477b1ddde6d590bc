import { mkdirSync } from 'node:fs';
import type { HistoryEntry, ImageConfig, RunConfig } from '../../api/oci/image.ts';
import type { Digest } from '../../base/digest.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import { architecture } from '../images/import.ts';
import type { Image } from '../images/images.ts';
import type { BuildOutput, BuildRequest } from './builder.ts';
import type { StepRecord } from './build-record.ts';
import type { BuildParts } from './build-parts.ts';
import { cachedInImages } from './cache-from.ts';
import { ClassicOutput } from './classic-output.ts';
import type { BuildContext } from './context.ts';
import type { BuildEvent } from './events.ts';
import type { NamedTree } from './named-contexts.ts';
import { cacheKey, type StepInputs } from './step-inputs.ts';

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

/** What a step made of the state before. */
export interface StepResultState {
  readonly config: RunConfig;
  readonly layer?: { readonly diffId: Digest; readonly bytes: number } | undefined;
  readonly author?: string | undefined;
}

/** A step that can be cached. */
export interface CachableStep {
  readonly inputs: StepInputs;
  /** As the history tells it. */
  readonly told: string;
  /** The config that it leads to, where that is known before. */
  readonly config?: RunConfig;
  /** Of the stage that it belongs to. */
  readonly stageName?: string | undefined;
  make(): Promise<StepResultState>;
}

export interface BuildRunOptions {
  readonly parts: BuildParts;
  readonly request: BuildRequest;
  readonly context: BuildContext;
  readonly named: ReadonlyMap<string, NamedTree>;
  /** For downloads and mounts; removed when the build ends. */
  readonly directory: string;
  readonly epoch: number | undefined;
  readonly emit: (output: BuildOutput) => void;
  readonly signal: AbortSignal;
}

/** What one build shares between its stages. */
export class BuildRun {
  readonly request: BuildRequest;
  readonly context: BuildContext;
  readonly named: ReadonlyMap<string, NamedTree>;
  readonly parts: BuildParts;
  readonly signal: AbortSignal;
  readonly directory: string;
  readonly epoch: number | undefined;
  readonly usedArguments = new Set<string>(['SOURCE_DATE_EPOCH']);
  readonly records: StepRecord[] = [];
  readonly hits: string[] = [];
  /** Lists of files that this build has read, by digest. */
  readonly lists = new Map<Digest, Uint8Array>();
  readonly #output: ClassicOutput;
  readonly #emit: (output: BuildOutput) => void;
  readonly #bases = new Map<string, Promise<Image>>();
  readonly #keys = new Map<Digest, string>();
  readonly #releases: (() => void)[] = [];
  readonly #stop = new AbortController();
  readonly #noCacheStages: ReadonlySet<string>;
  #memory: string | undefined;

  constructor(options: BuildRunOptions) {
    this.parts = options.parts;
    this.request = options.request;
    this.context = options.context;
    this.named = options.named;
    this.directory = options.directory;
    this.epoch = options.epoch;
    this.#noCacheStages = new Set((options.request.noCacheStages ?? []).map((name) => name.toLowerCase()));
    this.signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#emit = options.emit;
    this.#output = new ClassicOutput((stream) => options.emit({ stream }));
  }

  emit(event: BuildEvent): void {
    this.#emit({ event });
    this.#output.take(event);
  }

  /** The build is over: what is held back comes out, cached steps may go. */
  close(): void {
    this.#output.flush();
    for (const release of this.#releases) release();
    if (this.#memory !== undefined) this.parts.kernel.mounts.unmount(this.#memory);
  }

  /** A directory that is never written to disk, for secrets. */
  memory(): string {
    if (this.#memory !== undefined) return this.#memory;
    const target = `${this.directory}/memory`;
    mkdirSync(target, { mode: 0o700 });
    const options = ['nosuid', 'nodev', 'noexec', 'mode=0700', 'size=16m'];
    this.parts.kernel.mounts.mount({ type: 'tmpfs', source: 'tmpfs', target, options });
    this.#memory = target;
    return target;
  }

  /** One stage has failed: the others end as soon as they can. */
  stop(): void {
    this.#stop.abort();
  }

  checkCanceled(): void {
    if (this.signal.aborted) throw new KindError('canceled', 'build canceled');
  }

  /** RFC 3339; the same for every build with the same SOURCE_DATE_EPOCH. */
  now(): string {
    return (this.epoch === undefined ? new Date() : new Date(this.epoch * 1000)).toISOString();
  }

  /** The cache key of the step that made an image in this build. */
  keyOf(image: Digest): string | undefined {
    return this.#keys.get(image);
  }

  /** A base image, pulled where it is missing (or always, as asked), once per build. */
  async base(reference: string, print: (text: string) => void): Promise<StepState> {
    if (reference === 'scratch') return scratch;
    const known = this.#bases.get(reference) ?? this.#find(reference, print);
    known.catch(() => undefined);
    this.#bases.set(reference, known);
    const image = await known;
    return stateOf(image.config, image.id);
  }

  async #find(reference: string, print: (text: string) => void): Promise<Image> {
    const { images } = this.parts;
    const known = await images.get(reference).catch((error: unknown) => {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    });
    if (known && !this.request.pull) return known;
    try {
      for await (const progress of images.pull(reference, { platform: this.request.platform }, this.signal)) {
        if (progress.current === undefined) print(`${progress.id === undefined ? '' : `${progress.id}: `}${progress.status}\n`);
      }
      return await images.get(reference);
    } catch (error) {
      if (isKind(error, 'canceled')) throw error;
      if (known) return known;
      throw new KindError(
        'notFound',
        `base image ${reference} is not on this host, and pulling it failed: ${messageOf(error)}. Make it with "davit base ${reference}" or bring it in with "docker load" or "docker pull"`,
        { cause: error, details: { word: reference } },
      );
    }
  }

  /** The state after the step: found in the cache, or made and remembered. */
  async reach(before: StepState, step: CachableStep): Promise<{ readonly state: StepState; readonly outcome: 'hit' | 'miss' }> {
    this.checkCanceled();
    const key = cacheKey(step.inputs);
    const isFresh = this.request.noCache || this.#noCacheStages.has(step.stageName ?? '');
    const hit = isFresh ? undefined : (this.#cached(key) ?? (await this.#cachedElsewhere(before, step, key)));
    if (hit) return { state: hit, outcome: 'hit' };
    const state = await this.#commit(before, key, step.told, await step.make());
    return { state, outcome: 'miss' };
  }

  #cached(key: string): StepState | undefined {
    const { images, snapshots, cache } = this.parts;
    const step = cache.get(key);
    const image = step && images.table.get(step.imageId);
    if (!image) return undefined;
    const state = stateOf(JSON.parse(image.config) as ImageConfig, image.id);
    if (!snapshots.has(state.layers)) return undefined;
    this.#releases.push(cache.use(key));
    this.hits.push(key);
    this.#keys.set(image.id, key);
    return state;
  }

  async #cachedElsewhere(before: StepState, step: CachableStep, key: string): Promise<StepState | undefined> {
    const found = await cachedInImages(this.parts, this.request.cacheFrom ?? [], before, step);
    return found && this.#commit(before, key, step.told, found);
  }

  /** Makes the image of a step and remembers it for the next build. */
  async #commit(before: StepState, key: string, told: string, after: StepResultState): Promise<StepState> {
    const created = this.now();
    const entry: HistoryEntry = { created, created_by: told, ...(after.layer === undefined ? { empty_layer: true } : {}) };
    const layers = after.layer === undefined ? before.layers : [...before.layers, after.layer.diffId];
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
    const { images, cache } = this.parts;
    this.#releases.push(cache.use(key));
    const image = await images.create(config, { parent: before.imageId });
    await cache.put(key, {
      imageId: image.id,
      description: told,
      bytes: after.layer?.bytes ?? 0,
      createdAt: new Date().toISOString(),
      usageCount: 0,
    });
    this.#keys.set(image.id, key);
    // As it will be read from the store: the next step's cache key must not depend on how this state came about.
    return stateOf(image.config, image.id);
  }
}

function stateOf(image: ImageConfig, id: Digest): StepState {
  return { config: image.config, layers: image.rootfs.diff_ids, history: image.history ?? [], author: image.author, imageId: id };
}
