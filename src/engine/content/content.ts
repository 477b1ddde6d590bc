import { digestOf, hexOf, type Digest } from '../../base/digest.ts';
import type { Store, WriteOperation } from '../../store/store.ts';
import { Records } from '../images/records.ts';

/** A manifest or index, byte for byte as a registry or archive had it. */
export interface ContentItem {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly text: string;
}

/**
 * Manifests and indexes by digest, under /engine/content/<hex> of the store: written in the same transaction as the image that
 * refers to them, so none is ever without the other, and shared by all images that do.
 */
export class Content {
  readonly #items: Records<ContentItem>;

  constructor(store: Store) {
    this.#items = new Records(store, '/engine/content/');
  }

  get(digest: Digest): ContentItem | undefined {
    return this.#items.get(hexOf(digest));
  }

  putting({ digest, mediaType, text }: ContentItem): WriteOperation {
    if (digestOf(text) !== digest) throw new Error(`content ${digest} has digest ${digestOf(text)}`);
    return this.#items.putting(hexOf(digest), { digest, mediaType, text });
  }

  /** Operations that remove what is not among these. */
  sweeping(referenced: ReadonlySet<Digest>): readonly WriteOperation[] {
    const garbage = this.#items.list().filter((item) => !referenced.has(item.digest));
    return garbage.map((item) => this.#items.deleting(hexOf(item.digest)));
  }
}
