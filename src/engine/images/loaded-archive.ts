import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { ImageArchive } from '../archive/image-archive.ts';
import type { Lease } from '../gc/leases.ts';
import { StagedLayer } from '../snapshots/staged-layer.ts';
import type { LocalImages } from './local-images.ts';

const mostLinks = 8;

/** The documents and layers of an archive of images, by the paths they have in it. */
export class LoadedArchive {
  readonly lease: Lease;
  readonly #images: LocalImages;
  readonly #directory: string;
  readonly #archive: ImageArchive;
  readonly #staged = new Map<string, StagedLayer>();

  constructor(images: LocalImages, directory: string, archive: ImageArchive, lease: Lease) {
    this.#images = images;
    this.#directory = directory;
    this.#archive = archive;
    this.lease = lease;
  }

  has(path: string): boolean {
    const place = this.#place(path);
    return Object.hasOwn(this.#archive.documents, place) || Object.hasOwn(this.#archive.layers, place);
  }

  document(path: string): string {
    const place = this.#place(path);
    if (Object.hasOwn(this.#archive.documents, place)) return this.#archive.documents[place] ?? '';
    throw new KindError('notFound', `the archive has no ${path}`);
  }

  /** Makes the layer at the path the topmost of the chain. */
  async adopt(chain: readonly Digest[], path: string): Promise<void> {
    const { snapshots } = this.#images;
    const wanted = chain.at(-1);
    const place = this.#place(path);
    const layer = Object.hasOwn(this.#archive.layers, place) ? this.#archive.layers[place] : undefined;
    if (!layer) throw new KindError('notFound', `the archive has no layer ${path}`);
    if (layer.diffId !== wanted)
      throw new KindError('invalid', `layer ${wanted}: ${path} in the archive: content has digest ${layer.diffId}`);
    if (layer.folder !== undefined) {
      const staged = this.#staged.get(place) ?? new StagedLayer(`${this.#directory}/${layer.folder}`, layer, true);
      this.#staged.set(place, staged);
      return snapshots.adopt(chain.slice(0, -1), staged, this.lease);
    }
    const known = snapshots.withDiffId(layer.diffId);
    if (known === undefined) throw new Error(`layer ${layer.diffId} was known and is gone in spite of its lease`);
    await using again = await snapshots.stage(snapshots.tar(known), layer.diffId);
    await snapshots.adopt(chain.slice(0, -1), again, this.lease);
  }

  #place(path: string): string {
    let place = path.replace(/^(?:\.?\/)+/, '');
    for (let count = 0; Object.hasOwn(this.#archive.links, place) && count < mostLinks; count++)
      place = this.#archive.links[place] ?? place;
    return place;
  }
}
