import type { Descriptor, ImageConfig, Manifest } from '../../api/oci/image.ts';
import { digestOf, hexOf, isDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { Store, WriteOperation } from '../../store/store.ts';
import { Content, type ContentItem } from '../content/content.ts';
import { canonicalName, familiarName, parseReference } from './reference.ts';
import { Records } from './records.ts';

/** What the store keeps of an image, under /engine/images/<hex of ID>. */
export interface ImageRecord {
  readonly id: Digest;
  /** The config blob as it came: the ID is its digest. */
  readonly config: string;
  readonly parent: Digest | undefined;
  /** Canonical repository digests, `docker.io/library/nginx@sha256:…`. */
  readonly digests: readonly string[];
  /** Manifests and indexes that it came or went with (content.ts). */
  readonly content?: readonly Digest[];
}

/** A form in which registries have a layer. */
export interface LayerSource {
  readonly descriptor: Descriptor;
  /** `localhost:5000/team/app` */
  readonly repositories: readonly string[];
}

/** What the store keeps of a name, under /engine/image-names/<canonical name>. */
export interface NameRecord {
  readonly name: string;
  readonly id: Digest;
  /** RFC 3339. */
  readonly taggedAt: string;
}

/** Names and configs of images: reading costs no I/O, each change is one atomic write. */
export class ImageTable {
  readonly #store: Store;
  readonly #images: Records<ImageRecord>;
  readonly #names: Records<NameRecord>;
  readonly #content: Content;

  constructor(store: Store) {
    this.#store = store;
    this.#images = new Records(store, '/engine/images/');
    this.#names = new Records(store, '/engine/image-names/');
    this.#content = new Content(store);
  }

  list(): readonly ImageRecord[] {
    return this.#images.list();
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(hexOf(id));
  }

  names(id?: Digest): readonly NameRecord[] {
    const names = this.#names.list();
    return id === undefined ? names : names.filter((name) => name.id === id);
  }

  named(canonical: string): NameRecord | undefined {
    return this.#names.get(canonical);
  }

  childrenOf(id: Digest): readonly ImageRecord[] {
    return this.list().filter((image) => image.parent === id);
  }

  /** By name, digest, ID or unique prefix of an ID. */
  resolve(reference: string): ImageRecord {
    const found = this.find(reference);
    if (found) return found;
    throw new KindError('notFound', `No such image: ${fullName(reference)}`);
  }

  find(reference: string): ImageRecord | undefined {
    if (isDigest(reference)) return this.get(reference);
    const byName = this.#byName(reference);
    if (byName) return byName;
    const prefix = reference.replace(/^sha256:/, '');
    if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
    const matches = this.list().filter((image) => hexOf(image.id).startsWith(prefix));
    if (matches.length > 1)
      throw new KindError('conflict', `reference ${reference} is ambiguous: it is the start of ${matches.length} image IDs`);
    return matches[0];
  }

  /** Manifests and indexes of an image. */
  contentOf(image: ImageRecord): readonly ContentItem[] {
    return (image.content ?? []).flatMap((digest) => this.#content.get(digest) ?? []);
  }

  /** Where registries have a layer, and in which form, as far as the manifests of images here tell; what `first` came with goes first. */
  sourcesOf(diffId: Digest, first: Digest): readonly LayerSource[] {
    const sources = new Map<Digest, { readonly descriptor: Descriptor; readonly repositories: Set<string> }>();
    for (const image of this.list().toSorted((a, b) => Number(b.id === first) - Number(a.id === first))) {
      const index = image.content === undefined ? -1 : configOf(image).rootfs.diff_ids.indexOf(diffId);
      if (index < 0) continue;
      for (const { text } of this.contentOf(image)) {
        const { config, layers } = JSON.parse(text) as Partial<Manifest>;
        const descriptor = config?.digest === image.id ? layers?.[index] : undefined;
        if (!descriptor) continue;
        const source = sources.get(descriptor.digest) ?? { descriptor, repositories: new Set<string>() };
        sources.set(descriptor.digest, source);
        for (const digest of image.digests) source.repositories.add(digest.replace(/@.*$/, ''));
      }
    }
    return [...sources.values()].map(({ descriptor, repositories }) => ({ descriptor, repositories: [...repositories] }));
  }

  /** Adds or updates an image with its manifests and moves names to it, in one write. */
  async put(record: ImageRecord, names: readonly string[], content: readonly ContentItem[] = []): Promise<void> {
    const operations: WriteOperation[] = [
      this.#images.putting(hexOf(record.id), record),
      ...content.map((item) => this.#content.putting(item)),
    ];
    const taggedAt = new Date().toISOString();
    for (const name of names) {
      const canonical = canonicalName(parseReference(name));
      operations.push(this.#names.putting(canonical, { name: canonical, id: record.id, taggedAt }));
    }
    await this.#store.write(operations);
  }

  async untag(names: readonly string[]): Promise<void> {
    await this.#names.deleteAll(names);
  }

  /** Removes the image with its names and the manifests that were its alone. */
  async delete(id: Digest): Promise<void> {
    const names = this.names(id).map((name) => this.#names.deleting(name.name));
    const referenced = new Set(this.list().flatMap((image) => (image.id === id ? [] : (image.content ?? []))));
    await this.#store.write([...names, this.#images.deleting(hexOf(id)), ...this.#content.sweeping(referenced)]);
  }

  /** Whether it is a name (or repository digest) rather than an ID: names come first, also when they look like the start of an ID. */
  isName(reference: string): boolean {
    return !isDigest(reference) && this.#byName(reference) !== undefined;
  }

  #byName(text: string): ImageRecord | undefined {
    const reference = parsed(text);
    if (!reference) return undefined;
    if (reference.digest !== undefined) {
      const wanted = `${reference.domain}/${reference.path}@${reference.digest}`;
      return this.list().find((image) => image.digests.includes(wanted));
    }
    const name = this.named(canonicalName(reference));
    return name && this.get(name.id);
  }
}

export function configOf(record: ImageRecord): ImageConfig {
  return JSON.parse(record.config) as ImageConfig;
}

export function recordOf(config: ImageConfig, parent?: Digest): ImageRecord {
  const text = JSON.stringify(config);
  return { id: digestOf(text), config: text, parent, digests: [] };
}

function parsed(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** As Docker names it in errors: `x` → `x:latest`. */
function fullName(text: string): string {
  const reference = parsed(text);
  return reference ? familiarName(reference) : text;
}
