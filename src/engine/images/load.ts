import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { mediaTypes, type Descriptor, type ImageConfig, type Manifest } from '../../api/oci/image.ts';
import { digestOf, hexOf, parseDigest, type Digest } from '../../base/digest.ts';
import { KindError, messageOf } from '../../base/errors.ts';
import { runJob } from '../archive/run-job.ts';
import { chainIdOf } from '../snapshots/layers.ts';
import { architecture } from './import.ts';
import { LoadedArchive } from './loaded-archive.ts';
import type { LocalImages } from './local-images.ts';
import { canonicalName, familiarName, parseReference } from './reference.ts';

/** An image as an archive describes it. Paths are inside the archive. */
interface Loadable {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

/** `docker load`: the archive is taken apart in one pass, layers straight into directories; then its table of contents tells what they are. */
export async function* loadImages(images: LocalImages, tar: Readable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const { snapshots } = images;
  const directory = snapshots.temporary();
  using lease = snapshots.leases.take();
  try {
    const known = snapshots.diffIds(lease).map(hexOf);
    const archive = new LoadedArchive(images, directory, await runJob({ do: 'image', directory, known }, tar, signal), lease);
    for (const loadable of contents(archive)) yield* loadOne(images, archive, loadable);
  } catch (error) {
    lease[Symbol.dispose]();
    await images.collect();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function* loadOne(images: LocalImages, archive: LoadedArchive, loadable: Loadable): AsyncGenerator<string> {
  const text = archive.document(loadable.config);
  const config = parse<ImageConfig>(text, loadable.config);
  const diffIds = config.rootfs?.diff_ids ?? [];
  if (diffIds.length !== loadable.layers.length) {
    throw new KindError('invalid', `invalid manifest, layers length mismatch: expected ${loadable.layers.length}, got ${diffIds.length}`);
  }
  for (const [index, path] of loadable.layers.entries()) {
    const chain = diffIds.slice(0, index + 1).map(parseDigest);
    archive.lease.keep(chainIdOf(chain) ?? parseDigest(''));
    if (!images.snapshots.has(chain)) await archive.adopt(chain, path);
  }
  const record = { id: digestOf(text), config: text, parent: undefined, digests: [] };
  const image = await images.add(record, loadable.names);
  images.announce('load', image.id, image.id);
  if (loadable.names.length === 0) yield `Loaded image ID: ${image.id}`;
  for (const name of loadable.names) yield `Loaded image: ${familiarName(parseReference(name))}`;
}

function contents(archive: LoadedArchive): readonly Loadable[] {
  if (archive.has('manifest.json')) return dockerArchive(archive);
  if (archive.has('index.json')) return ociLayout(archive);
  throw new KindError(
    'invalid',
    'not an image archive: it has neither manifest.json (docker save) nor index.json (OCI layout); a root file system is brought in by "docker import"',
  );
}

function dockerArchive(archive: LoadedArchive): readonly Loadable[] {
  const items = parse<
    readonly { readonly Config: string; readonly RepoTags?: readonly string[] | null; readonly Layers: readonly string[] }[]
  >(archive.document('manifest.json'), 'manifest.json');
  return items.map((item) => ({
    config: item.Config,
    layers: item.Layers ?? [],
    names: (item.RepoTags ?? []).map((name) => canonicalName(parseReference(name))),
  }));
}

function ociLayout(archive: LoadedArchive): readonly Loadable[] {
  const byDigest = new Map<Digest, Loadable>();
  for (const top of parse<{ readonly manifests: readonly Descriptor[] }>(archive.document('index.json'), 'index.json').manifests) {
    const descriptor = forThisMachine(archive, top);
    const manifest = parse<Manifest>(readBlob(archive, descriptor.digest), descriptor.digest);
    const known = byDigest.get(descriptor.digest);
    const names = [...(known?.names ?? []), ...nameOf(top)];
    byDigest.set(descriptor.digest, {
      config: blobPath(manifest.config.digest),
      layers: manifest.layers.map((layer) => blobPath(layer.digest)),
      names,
    });
  }
  return [...byDigest.values()];
}

/** An index points to manifests per platform. */
function forThisMachine(archive: LoadedArchive, descriptor: Descriptor, depth = 0): Descriptor {
  if (depth > 3) throw new KindError('invalid', `index ${descriptor.digest} in the archive nests more than 3 deep`);
  if (descriptor.mediaType !== mediaTypes.ociIndex && descriptor.mediaType !== mediaTypes.dockerList) return descriptor;
  const { manifests } = parse<{ readonly manifests: readonly Descriptor[] }>(readBlob(archive, descriptor.digest), descriptor.digest);
  const found =
    manifests.find((each) => each.platform?.os === 'linux' && each.platform.architecture === architecture()) ??
    manifests.find((each) => !each.platform);
  if (found) return forThisMachine(archive, found, depth + 1);
  throw new KindError('notFound', `the archive has no image for linux/${architecture()}`);
}

function nameOf(descriptor: Descriptor): readonly string[] {
  const name = descriptor.annotations?.['io.containerd.image.name'] ?? descriptor.annotations?.['org.opencontainers.image.ref.name'];
  // A bare tag is no name: skopeo and buildah write such.
  if (name === undefined || !/[/:]/.test(name)) return [];
  return [canonicalName(parseReference(name))];
}

function readBlob(archive: LoadedArchive, digest: Digest): string {
  const text = archive.document(blobPath(parseDigest(digest)));
  if (digestOf(text) === digest) return text;
  throw new KindError('invalid', `archive is damaged: blob ${digest} has other content`);
}

function parse<T>(text: string, name: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new KindError('invalid', `${name} in the archive: ${messageOf(error)}`);
  }
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
