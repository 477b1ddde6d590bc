import { mediaTypes, type Descriptor, type Manifest } from '../../api/oci/image.ts';
import { digestOf, hexOf, type Digest } from '../../base/digest.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from '../archive/write-tar.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import { configOf, type ImageRecord } from './image-table.ts';
import type { LocalImages } from './local-images.ts';
import { familiarName, familiarRepository, parseReference } from './reference.ts';

/** An image with the names under which it goes out (canonical). */
interface Saved {
  readonly image: ImageRecord;
  readonly names: readonly string[];
}

/** One tar that is both an OCI layout and a Docker archive; equal images give equal bytes. */
export async function saveImages(
  images: LocalImages,
  references: readonly string[],
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const saved = selected(images, references);
  for (const { image } of saved) images.announce('save', image.id, image.id);
  return archive(images, saved, signal);
}

function selected(images: LocalImages, references: readonly string[]): readonly Saved[] {
  const found = new Map<Digest, Set<string>>();
  const images_ = new Map<Digest, ImageRecord>();
  for (const reference of references) {
    const image = images.table.resolve(reference);
    images_.set(image.id, image);
    const names = found.get(image.id) ?? new Set();
    found.set(image.id, names);
    for (const name of namesFor(images, image, reference)) names.add(name);
  }
  return [...images_.values()].map((image) => ({ image, names: [...(found.get(image.id) ?? [])].sort() }));
}

/** A name saves that name, a repository without tag all its tags (as dockerd), an ID none. */
function namesFor(images: LocalImages, image: ImageRecord, reference: string): readonly string[] {
  if (!images.table.isName(reference)) return [];
  const parsed = parseReference(reference);
  return images.table
    .names(image.id)
    .map((name) => name.name)
    .filter((name) => name === `${parsed.domain}/${parsed.path}:${parsed.tag ?? ''}`);
}

async function* archive(images: LocalImages, saved: readonly Saved[], signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const written = new Set<string>();
  const file = function* (name: string, content: string): Generator<Buffer> {
    if (written.has(name)) return;
    written.add(name);
    const data = Buffer.from(content);
    yield encodeEntry(entryOf({ name, size: data.length }));
    yield data;
    yield padding(data.length);
  };
  for (const name of ['blobs', 'blobs/sha256']) yield encodeEntry(entryOf({ name, type: 'directory', mode: 0o755 }));
  const manifests: (Descriptor & { readonly names: readonly string[] })[] = [];
  for (const { image, names } of saved) {
    const layers: Descriptor[] = [];
    for (const chainId of chainIdsOf(configOf(image).rootfs.diff_ids)) {
      const layer = images.snapshots.layer(chainId);
      layers.push({ mediaType: mediaTypes.ociLayer, digest: layer.diffId, size: layer.tarBytes });
      const name = blobPath(layer.diffId);
      if (written.has(name)) continue;
      written.add(name);
      yield encodeEntry(entryOf({ name, size: layer.tarBytes }));
      yield* images.snapshots.tarBlocks(chainId, signal);
      yield padding(layer.tarBytes);
    }
    yield* file(blobPath(image.id), image.config);
    const config = { mediaType: mediaTypes.ociConfig, digest: image.id, size: Buffer.byteLength(image.config) };
    const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
    const text = JSON.stringify(manifest);
    yield* file(blobPath(digestOf(text)), text);
    manifests.push({ mediaType: mediaTypes.ociManifest, digest: digestOf(text), size: Buffer.byteLength(text), names });
  }
  yield* file('index.json', JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: manifests.flatMap(named) }));
  yield* file('manifest.json', JSON.stringify(saved.map(dockerManifest)));
  yield* file('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  yield* file('repositories', JSON.stringify(repositories(saved)));
  yield endOfArchive();
}

/** One entry per name; a nameless image has one without. */
function named({ names, ...descriptor }: Descriptor & { readonly names: readonly string[] }): readonly Descriptor[] {
  if (names.length === 0) return [descriptor];
  return names.map((name) => ({
    ...descriptor,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': parseReference(name).tag ?? '' },
  }));
}

function dockerManifest({ image, names }: Saved): object {
  return {
    Config: blobPath(image.id),
    RepoTags: names.length === 0 ? null : names.map((name) => familiarName(parseReference(name))),
    Layers: configOf(image).rootfs.diff_ids.map(blobPath),
  };
}

/** The oldest form: repository → tag → hex of the topmost layer. */
function repositories(saved: readonly Saved[]): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const all: Record<string, Record<string, string>> = {};
  for (const { image, names } of saved) {
    const top = configOf(image).rootfs.diff_ids.at(-1);
    for (const name of names.map(parseReference)) {
      const tags = (all[familiarRepository(name)] ??= {});
      if (name.tag !== undefined && top !== undefined) tags[name.tag] = hexOf(top);
    }
  }
  return all;
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
