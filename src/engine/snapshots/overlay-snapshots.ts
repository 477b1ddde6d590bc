import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hexOf, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { SharedRun } from '../../base/shared-run.ts';
import type { Log } from '../../base/log.ts';
import { Root, textOf } from '../../kernel/files.ts';
import { spreadDirectoriesOf } from '../../kernel/spread.ts';
import type { Mount } from '../../kernel/mounts.ts';
import { syncFileSystem } from '../../kernel/sync.ts';
import type { Store } from '../../store/store.ts';
import type { DigestResult, InnerFile } from '../archive/jobs.ts';
import { blocksOfJob, runJob, streamJob, type PackJob } from '../archive/run-job.ts';
import type { PlaceUsage } from '../archive/disk-usage.ts';
import type { Owners } from '../gc/ledger.ts';
import { Leases, type Lease } from '../gc/leases.ts';
import type { Readable } from 'node:stream';
import { Records } from '../images/records.ts';
import { chainIdOf, chainIdsOf, layerPrefix, paths, snapshotPrefix, type LayerRecord, type SnapshotRecord } from './layers.ts';
import { fillInitLayer, type Places } from './init-layer.ts';
import { existsInLayers } from './lower.ts';
import { StagedLayer } from './staged-layer.ts';
import type { CommitOptions, SnapshotChange, Snapshots } from './snapshots.ts';

/** What lies beside `diff` of a foreign layer. */
const sidecars = ['frames', 'replaced'];

/**
 * On disk:
 *
 *   overlay2/<chain hex>/diff     a layer: what it changes, in overlayfs' form
 *   overlay2/<chain hex>/frames   of a foreign layer: what its tar had besides file data
 *   overlay2/<chain hex>/replaced file data that a later member of the tar replaced
 *   overlay2/<key>-rw/{diff,work} a snapshot; init: places that its layers lack (init-layer.ts)
 *   l/<n>                         short links to the diff directories, since mount options are one page
 *   tmp/                          under way; emptied at open
 *
 * The store's record makes a layer or snapshot exist: directories without one are swept at open.
 */
export class OverlaySnapshots implements Snapshots {
  readonly #paths: ReturnType<typeof paths>;
  readonly #layers: Records<LayerRecord>;
  readonly #snapshots: Records<SnapshotRecord>;
  readonly #busy = new KeyedMutex();
  readonly #sync: SharedRun<void>;
  /** Layers made by this process that no image or snapshot names yet, each with its chain: what is below is kept with it. */
  readonly #fresh = new Map<Digest, readonly Digest[]>();
  /** Layers that a sweep is removing. */
  readonly #dying = new Set<Digest>();
  readonly leases = new Leases();
  #nextLink = 0;

  private constructor(dataRoot: string, store: Store) {
    this.#paths = paths(dataRoot);
    this.#sync = new SharedRun(() => syncFileSystem(dataRoot));
    this.#layers = new Records(store, layerPrefix);
    this.#snapshots = new Records(store, snapshotPrefix);
  }

  static async open(options: { readonly dataRoot: string; readonly store: Store; readonly log: Log }): Promise<OverlaySnapshots> {
    const snapshots = new OverlaySnapshots(options.dataRoot, options.store);
    await snapshots.#sweep(options.log);
    return snapshots;
  }

  async prepare(key: string, layers: readonly Digest[], places?: Places): Promise<void> {
    if (!/^[\w.-]+$/.test(key)) throw new KindError('invalid', `bad snapshot key "${key}"`);
    using lease = this.leases.take();
    for (const chainId of chainIdsOf(layers)) lease.keep(this.layer(chainId).chainId);
    if (this.#snapshots.get(key)) throw new KindError('alreadyExists', `snapshot ${key} exists already`);
    const directory = this.#paths.snapshot(key);
    const link = this.#takeLink();
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(`${directory}/diff`, { recursive: true, mode: 0o755 });
    mkdirSync(`${directory}/work`, { mode: 0o700 });
    if (places) {
      using opened = new DisposableStack();
      fillInitLayer(`${directory}/init`, this.#open(layers, opened), places);
    }
    symlinkSync(`../overlay2/${key}-rw`, `${this.#paths.links}/${link}`);
    await this.#snapshots.put(key, { key, layers, link, ...(places && { hasInit: true }) });
  }

  mount(key: string, target: string): Mount {
    const { layers, link, hasInit } = this.#snapshot(key);
    const own = `${this.#paths.links}/${link}`;
    const options = [
      `lowerdir=${[...(hasInit ? [`${own}/init`] : []), ...this.#lowers(layers)].join(':')}`,
      `upperdir=${own}/diff`,
      `workdir=${own}/work`,
      'index=off',
      'redirect_dir=off',
    ];
    return { type: 'overlay', source: 'overlay', target, options };
  }

  async remove(key: string): Promise<void> {
    const record = this.#snapshots.get(key);
    if (record) await this.#snapshots.delete(key);
    if (record) rmSync(`${this.#paths.links}/${record.link}`, { force: true });
    await rm(this.#paths.snapshot(key), { recursive: true, force: true });
  }

  /** Keys of all snapshots: their owners remove what they do not know. */
  keys(): readonly string[] {
    return this.#snapshots.list().map((record) => record.key);
  }

  async usage(key: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
    this.#snapshot(key);
    return runJob({ do: 'usage', root: `${this.#paths.snapshot(key)}/diff` });
  }

  async changes(key: string): Promise<readonly SnapshotChange[]> {
    const { layers, hasInit } = this.#snapshot(key);
    using opened = new DisposableStack();
    const upper = opened.use(new Root(this.upperOf(key)));
    const init = hasInit ? [opened.use(new Root(`${this.#paths.snapshot(key)}/init`))] : [];
    const lowers = [...init, ...this.#open(layers, opened)];
    const changes: SnapshotChange[] = [];
    const walk = (parent: string): void => {
      for (const name of upper.list(parent)) {
        const path = parent === '' ? name : `${parent}/${name}`;
        const stat = upper.stat(path);
        if (!stat) continue;
        const isWhiteout = stat.isCharacterDevice() && stat.rdev === 0n;
        const kind = existsInLayers(lowers, path) ? 'modified' : 'added';
        changes.push({ path: `/${textOf(path)}`, kind: isWhiteout ? 'deleted' : kind });
        if (stat.isDirectory()) walk(path);
      }
    };
    walk('');
    return changes;
  }

  async commit(key: string, options: CommitOptions = {}): Promise<{ readonly diffId: Digest; readonly bytes: number }> {
    const { layers } = this.#snapshot(key);
    const upper = `${this.#paths.snapshot(key)}/diff`;
    if (options.consume) {
      const result = await runJob({ do: 'digest', root: upper, options: { whiteouts: 'overlay' }, newest: options.newest });
      await this.#adopt(options.onto ?? layers, result, upper, undefined);
      await this.remove(key);
      return result;
    }
    const copy = this.temporary();
    try {
      const result = await runJob({ do: 'clone', from: upper, to: `${copy}/diff` });
      await this.#adopt(layers, result, `${copy}/diff`, undefined);
      return result;
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }

  async layerBytes(layers: readonly Digest[]): Promise<number> {
    return chainIdsOf(layers).reduce((sum, chainId) => sum + this.layer(chainId).bytes, 0);
  }

  /** The directories of a stack of layers, topmost first. */
  directories(layers: readonly Digest[]): readonly string[] {
    return layers.length === 0 ? [] : this.#lowers(layers);
  }

  /** Whether all of these layers are here. */
  has(layers: readonly Digest[]): boolean {
    return chainIdsOf(layers).every((chainId) => !this.#dying.has(chainId) && this.#layers.get(hexOf(chainId)) !== undefined);
  }

  layer(chainId: Digest): LayerRecord {
    const record = this.#layers.get(hexOf(chainId));
    if (record && !this.#dying.has(chainId)) return record;
    throw new KindError('notFound', `layer ${chainId} is missing`);
  }

  /** Adds a layer from a tar stream or part of a file (plain, gzip, zstd) over `below`; `wanted` is what its uncompressed digest must be. */
  async add(
    below: readonly Digest[],
    source: AsyncIterable<Uint8Array> | InnerFile,
    wanted?: Digest,
    signal?: AbortSignal,
  ): Promise<{ readonly diffId: Digest; readonly bytes: number }> {
    await using staged = await this.stage(source, wanted, signal);
    await this.adopt(below, staged);
    return staged.content;
  }

  /** Unpacks a layer aside. It needs nothing of what will be below it, so that all layers of an image come at once. */
  async stage(source: AsyncIterable<Uint8Array> | InnerFile, wanted?: Digest, signal?: AbortSignal): Promise<StagedLayer> {
    const directory = this.temporary();
    try {
      const root = `${directory}/diff`;
      mkdirSync(root, { mode: 0o755 });
      const isFile = 'root' in source;
      const options = { whiteouts: 'overlay' } as const;
      const job = { do: 'unpack', root, frames: `${directory}/frames`, options, file: isFile ? source : undefined } as const;
      const content = await runJob(job, isFile ? undefined : source, signal);
      if (wanted !== undefined && content.diffId !== wanted)
        throw new KindError('invalid', `layer ${wanted}: content has digest ${content.diffId}`);
      return new StagedLayer(directory, content, true);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Makes a staged layer the topmost of `below` plus itself; harmless when that is there already. */
  async adopt(below: readonly Digest[], staged: StagedLayer, lease?: Lease): Promise<void> {
    const chainId = chainIdOf([...below, staged.content.diffId]) ?? staged.content.diffId;
    if (staged.adoptedAs === undefined || staged.adoptedAs === chainId) {
      await this.#adopt(below, staged.content, `${staged.directory}/diff`, staged.hasFrames ? staged.directory : undefined, lease);
      staged.adoptedAs = chainId;
      return;
    }
    // The same layer over something else: made again from the tar of the first.
    await using again = await this.stage(this.tar(staged.adoptedAs), staged.content.diffId);
    await this.adopt(below, again, lease);
  }

  /** What the data directory holds, with this room's part of the owners. */
  async disk(): Promise<{ readonly places: PlaceUsage; readonly owners: Pick<Owners, 'layers' | 'snapshots' | 'links'> }> {
    const places = await runJob({ do: 'disk', root: this.#paths.root });
    const [layers, snapshots] = [this.#layers.list(), this.#snapshots.list()];
    const owners = {
      layers: new Set(layers.map(({ chainId }) => hexOf(chainId))),
      snapshots: new Set(snapshots.map(({ key }) => key)),
      links: new Set([...layers, ...snapshots].map(({ link }) => link)),
    };
    return { places, owners };
  }

  /** Bytes of files in all layers, each once. */
  get bytes(): number {
    return this.#layers.list().reduce((sum, layer) => sum + layer.bytes, 0);
  }

  /** Of all layers that are here; the lease keeps them. */
  diffIds(lease: Lease): readonly Digest[] {
    const layers = this.#layers.list().filter((layer) => !this.#dying.has(layer.chainId));
    for (const layer of layers) lease.keep(layer.chainId);
    return [...new Set(layers.map((layer) => layer.diffId))];
  }

  /** A chain whose topmost layer has this diff ID. */
  withDiffId(diffId: Digest): Digest | undefined {
    return this.#layers.list().find((layer) => layer.diffId === diffId && !this.#dying.has(layer.chainId))?.chainId;
  }

  /** The uncompressed tar of the topmost layer; its digest is the layer's diff ID. */
  tar(chainId: Digest, signal?: AbortSignal): Readable {
    return streamJob(this.#packing(chainId), signal);
  }

  /** The same for a reader that is done with a block before it asks for the next: nothing is copied. */
  tarBlocks(chainId: Digest, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return blocksOfJob(this.#packing(chainId), signal);
  }

  #packing(chainId: Digest): PackJob {
    const record = this.layer(chainId);
    const directory = this.#paths.layer(chainId);
    if (record.hasFrames) return { do: 'repack', root: `${directory}/diff`, frames: `${directory}/frames` };
    return { do: 'pack', root: `${directory}/diff`, options: { whiteouts: 'overlay' } };
  }

  /** Where the writable layer's own files are. */
  upperOf(key: string): string {
    return `${this.#paths.snapshot(key)}/diff`;
  }

  get temporaryRoot(): string {
    return this.#paths.temporary;
  }

  /** An empty directory of its own, removed at the next open if its owner does not. */
  temporary(): string {
    const directory = `${this.#paths.temporary}/${newId().slice(0, 16)}`;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  /** Takes layers out of the care that keeps new ones until an image names them. */
  settle(layers: readonly Digest[]): void {
    for (const chainId of chainIdsOf(layers)) this.#fresh.delete(chainId);
  }

  /** Layers that these stacks, a snapshot, a lease or work of this process need. */
  needed(stacks: readonly (readonly Digest[])[]): ReadonlySet<Digest> {
    const needed = new Set<Digest>([...[...this.#fresh.values()].flat(), ...this.leases.kept()]);
    for (const layers of [...stacks, ...this.#snapshots.list().map((snapshot) => snapshot.layers)])
      for (const chainId of chainIdsOf(layers)) needed.add(chainId);
    return needed;
  }

  /** Removes every layer that neither a snapshot, a lease nor one of these stacks of layers needs; returns bytes freed. */
  async collect(stacks: readonly (readonly Digest[])[]): Promise<number> {
    const needed = this.needed(stacks);
    const garbage = this.#layers.list().filter((layer) => !needed.has(layer.chainId) && !this.#dying.has(layer.chainId));
    // From here to the end of the sweep nobody may count on them any more: no await comes between mark and this.
    for (const layer of garbage) this.#dying.add(layer.chainId);
    for (const layer of garbage) await this.#busy.run(layer.chainId, () => this.#removeLayer(layer));
    return garbage.reduce((sum, layer) => sum + layer.bytes, 0);
  }

  async #removeLayer(layer: LayerRecord): Promise<void> {
    try {
      await this.#layers.delete(hexOf(layer.chainId));
      rmSync(`${this.#paths.links}/${layer.link}`, { force: true });
      await this.#discard(this.#paths.layer(layer.chainId));
    } finally {
      this.#dying.delete(layer.chainId);
    }
  }

  /** Makes `diff` (and what is beside it in `sidecar`) the directory of a new layer; harmless when the layer is there already. */
  async #adopt(below: readonly Digest[], content: DigestResult, diff: string, sidecar: string | undefined, lease?: Lease): Promise<void> {
    const chain = chainIdsOf([...below, content.diffId]);
    const chainId = chain.at(-1) ?? content.diffId;
    // What is below as well: the snapshot that kept it goes before an image names it.
    if (lease) for (const each of chain) lease.keep(each);
    else this.#fresh.set(chainId, chain);
    await this.#busy.run(chainId, async () => {
      if (this.#layers.get(hexOf(chainId))) return;
      const directory = this.#paths.layer(chainId);
      const link = this.#takeLink();
      await this.#discard(directory);
      // A record must not outlive the files it speaks of: these are on disk before the store's own fsync, which takes the renames along.
      await this.#sync.run();
      mkdirSync(directory, { mode: 0o700 });
      renameSync(diff, `${directory}/diff`);
      for (const name of sidecar === undefined ? [] : sidecars)
        if (existsSync(`${sidecar}/${name}`)) renameSync(`${sidecar}/${name}`, `${directory}/${name}`);
      symlinkSync(`../overlay2/${hexOf(chainId)}/diff`, `${this.#paths.links}/${link}`);
      const { diffId, bytes, tarBytes } = content;
      await this.#layers.put(hexOf(chainId), { chainId, diffId, link, bytes, tarBytes, hasFrames: sidecar !== undefined });
    });
  }

  /** Topmost first, as overlayfs wants them. */
  #lowers(layers: readonly Digest[]): readonly string[] {
    const lowers = chainIdsOf(layers).map((chainId) => `${this.#paths.links}/${this.layer(chainId).link}`);
    return lowers.length === 0 ? [this.#paths.empty] : lowers.reverse();
  }

  #open(layers: readonly Digest[], opened: DisposableStack): readonly Root[] {
    return this.#lowers(layers).map((directory) => opened.use(new Root(directory)));
  }

  #snapshot(key: string): SnapshotRecord {
    const record = this.#snapshots.get(key);
    if (record) return record;
    throw new KindError('notFound', `snapshot ${key} is missing`);
  }

  #takeLink(): string {
    this.#nextLink += 1;
    return this.#nextLink.toString(36);
  }

  /** Out of sight at once, gone when the disk is done with it. */
  async #discard(directory: string): Promise<void> {
    const grave = `${this.#paths.temporary}/${newId().slice(0, 16)}`;
    if (!existsSync(directory)) return;
    renameSync(directory, grave);
    await runJob({ do: 'remove', root: grave });
  }

  async #sweep(log: Log): Promise<void> {
    const { overlay, links, temporary, empty } = this.#paths;
    await rm(temporary, { recursive: true, force: true });
    for (const directory of [overlay, links, temporary, empty]) mkdirSync(directory, { recursive: true, mode: 0o711 });
    for (const directory of [overlay, temporary]) spreadDirectoriesOf(directory);
    const [layers, snapshots] = [this.#layers.list(), this.#snapshots.list()];
    const known = new Set(['empty', ...layers.map((layer) => hexOf(layer.chainId)), ...snapshots.map((snapshot) => `${snapshot.key}-rw`)]);
    for (const name of readdirSync(overlay)) {
      if (known.has(name)) continue;
      log.info({ directory: name }, 'removing a layer directory that nothing names');
      await rm(`${overlay}/${name}`, { recursive: true, force: true });
    }
    const used = new Set([...layers, ...snapshots].map((record) => record.link));
    for (const name of readdirSync(links)) if (!used.has(name)) rmSync(`${links}/${name}`, { force: true });
    this.#nextLink = Math.max(0, ...[...used].map((link) => Number.parseInt(link, 36)));
  }
}
