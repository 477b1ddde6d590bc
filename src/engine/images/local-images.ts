import type { Readable } from 'node:stream';
import type { ImageConfig } from '../../api/oci/image.ts';
import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events/events.ts';
import { chainIdOf, chainIdsOf } from '../snapshots/layers.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { historyOf } from './history.ts';
import { configOf, ImageTable, recordOf, type ImageRecord } from './image-table.ts';
import type {
  Image,
  ImageHistory,
  ImageRemoval,
  Images,
  ImageUser,
  PrunedImages,
  ImportOptions,
  PullOptions,
  PullProgress,
  PushOptions,
  PushProgress,
} from './images.ts';
import { importImage } from './import.ts';
import { loadImages } from './load.ts';
import { ledgerOf, type Ledger, type Owners } from '../gc/ledger.ts';
import type { ContentItem } from '../content/content.ts';
import type { Credentials } from '../registry/credentials.ts';
import { inspectRemote, type RemoteImage } from '../registry/distribution.ts';
import { defaultRegistrySettings, type RegistrySettings } from '../registry/endpoints.ts';
import { checkLogin } from '../registry/login.ts';
import { LayerPuller } from '../registry/pull-layers.ts';
import { pullImage } from '../registry/pull.ts';
import { pushImage } from '../registry/push.ts';
import { familiarName, parseReference } from './reference.ts';
import { Remover } from './remove.ts';
import { saveImages } from './save.ts';

export interface ImagesOptions {
  readonly store: Store;
  readonly snapshots: OverlaySnapshots;
  readonly events: Events;
  readonly log: Log;
  readonly registries?: RegistrySettings;
}

/** Images of this host: names and configs in the store, layers in the snapshots. */
export class LocalImages implements Images {
  readonly table: ImageTable;
  readonly snapshots: OverlaySnapshots;
  readonly registries: RegistrySettings;
  readonly puller: LayerPuller;
  readonly #events: Events;
  readonly #remover: Remover;
  /** Removing and naming exclude each other: an image must not lose its last name while it gets a new one. */
  readonly #changes = new KeyedMutex();
  #users: (id: Digest) => Promise<readonly ImageUser[]> = async () => [];

  constructor(options: ImagesOptions) {
    this.table = new ImageTable(options.store);
    this.snapshots = options.snapshots;
    this.registries = options.registries ?? defaultRegistrySettings;
    this.puller = new LayerPuller(options.snapshots);
    this.#events = options.events;
    this.#remover = new Remover(this.table, options.snapshots, (id) => this.#users(id), options.events);
  }

  async list(): Promise<readonly Image[]> {
    const images = await Promise.all(this.table.list().map((record) => this.#image(record)));
    return images.sort((a, b) => (b.config.created ?? '').localeCompare(a.config.created ?? ''));
  }

  async get(reference: string): Promise<Image> {
    return this.#image(this.table.resolve(reference));
  }

  async tag(source: string, target: string): Promise<void> {
    await this.#changes.run('', async () => {
      const reference = parseReference(target);
      if (reference.digest !== undefined) throw new KindError('invalid', 'refusing to create a tag with a digest reference');
      const record = this.table.resolve(source);
      await this.table.put(record, [target]);
      this.announce('tag', record.id, familiarName(reference));
    });
  }

  remove(reference: string, options: { readonly force: boolean; readonly noPrune: boolean }): Promise<readonly ImageRemoval[]> {
    return this.#changes.run('', () => this.#remover.remove(reference, options));
  }

  prune(options: { readonly all: boolean; readonly matches?: (config: ImageConfig) => boolean }): Promise<PrunedImages> {
    return this.#changes.run('', () => this.#remover.prune(options));
  }

  async history(reference: string): Promise<readonly ImageHistory[]> {
    return historyOf(this.table, this.snapshots, this.table.resolve(reference));
  }

  import(tar: Readable, options: ImportOptions, signal?: AbortSignal): Promise<Image> {
    return importImage(this, tar, options, signal);
  }

  save(references: readonly string[], signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return saveImages(this, references, signal);
  }

  load(tar: Readable, signal?: AbortSignal): AsyncIterable<string> {
    return loadImages(this, tar, signal);
  }

  pull(reference: string, options: PullOptions, signal?: AbortSignal): AsyncIterable<PullProgress> {
    return pullImage(this, reference, options, signal);
  }

  push(reference: string, options: PushOptions, signal?: AbortSignal): AsyncIterable<PushProgress> {
    return pushImage(this, reference, options, signal);
  }

  login(address: string, credentials: Credentials, signal: AbortSignal): Promise<void> {
    return checkLogin(address, credentials, this.registries, signal);
  }

  inspectRemote(reference: string, credentials: Credentials | undefined, signal: AbortSignal): Promise<RemoteImage> {
    return inspectRemote(reference, { credentials, settings: this.registries }, signal);
  }

  /** Frees the layers that nothing needs any more. */
  async collect(): Promise<void> {
    await this.#changes.run('', () => this.#remover.collect());
  }

  async create(config: ImageConfig, options: { readonly names?: readonly string[]; readonly parent?: Digest } = {}): Promise<Image> {
    return this.add(recordOf(config, options.parent), options.names ?? []);
  }

  /** Adds an image whose config blob is given, with manifests of it; its layers must be present. Repeating it is harmless. */
  add(record: ImageRecord, names: readonly string[], documents: readonly ContentItem[] = []): Promise<Image> {
    return this.#changes.run('', async () => {
      const layers = configOf(record).rootfs.diff_ids;
      if (!this.snapshots.has(layers)) throw new KindError('notFound', `image ${record.id}: layer ${chainIdOf(layers) ?? ''} is missing`);
      const known = this.table.get(record.id);
      const digests = [...new Set([...(known?.digests ?? []), ...record.digests])];
      const content = [...new Set([...(known?.content ?? []), ...(record.content ?? [])])];
      await this.table.put({ ...record, parent: known?.parent ?? record.parent, digests, content }, names, documents);
      this.snapshots.settle(layers);
      for (const name of names) this.announce('tag', record.id, familiarName(parseReference(name)));
      return this.#image(this.table.get(record.id) ?? record);
    });
  }

  async layersOf(image: Image): Promise<readonly { readonly chainId: Digest; readonly bytes: number }[]> {
    return chainIdsOf(image.config.rootfs.diff_ids).map((chainId) => ({ chainId, bytes: this.snapshots.layer(chainId).bytes }));
  }

  async layerBytes(): Promise<number> {
    return this.snapshots.bytes;
  }

  async ledger(others: Pick<Owners, 'containers' | 'volumes'>): Promise<Ledger> {
    const { places, owners } = await this.snapshots.disk();
    return ledgerOf(places, { ...owners, ...others });
  }

  setUsers(users: (id: Digest) => Promise<readonly ImageUser[]>): void {
    this.#users = users;
  }

  announce(action: string, id: string, name: string): void {
    this.#events.publish({ type: 'image', action, id, attributes: { name } });
  }

  async #image(record: ImageRecord): Promise<Image> {
    const names = this.table.names(record.id);
    const config = configOf(record);
    const layers = config.rootfs.diff_ids;
    const bytes = await this.snapshots.layerBytes(layers);
    const newest = names
      .map((name) => name.taggedAt)
      .sort()
      .at(-1);
    return {
      id: record.id,
      names: names.map((name) => familiarName(parseReference(name.name))),
      digests: record.digests.map((digest) => familiarName(parseReference(digest))),
      config,
      bytes,
      parent: record.parent,
      taggedAt: newest === undefined ? undefined : new Date(newest),
    };
  }
}
