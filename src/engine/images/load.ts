import { closeSync, constants, fstatSync, readFileSync, rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { mediaTypes, type Descriptor, type ImageConfig, type Manifest } from '../../api/oci/image.ts';
import { digestOf, hexOf, parseDigest, type Digest } from '../../base/digest.ts';
import { KindError, messageOf } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import { unpackTar } from '../archive/run-job.ts';
import { architecture } from './import.ts';
import type { LocalImages } from './local-images.ts';
import { canonicalName, familiarName, parseReference } from './reference.ts';

/** An image as an archive describes it. Paths are inside the archive. */
interface Loadable {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

/** `docker load`: the archive is unpacked aside first, since its table of contents comes last. */
export async function* loadImages(images: LocalImages, tar: Readable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const directory = images.snapshots.temporary();
  try {
    await unpackTar(tar, directory, { whiteouts: 'plain' }, signal);
    using root = new Root(directory);
    for (const loadable of contents(root)) yield* loadOne(images, root, loadable, signal);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function* loadOne(images: LocalImages, root: Root, loadable: Loadable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const text = read(root, loadable.config);
  const config = parse<ImageConfig>(text, loadable.config);
  const diffIds = config.rootfs?.diff_ids ?? [];
  if (diffIds.length !== loadable.layers.length) {
    throw new KindError('invalid', `invalid manifest, layers length mismatch: expected ${loadable.layers.length}, got ${diffIds.length}`);
  }
  for (const [index, path] of loadable.layers.entries()) {
    const below = diffIds.slice(0, index);
    const wanted = parseDigest(diffIds[index] ?? '');
    if (images.snapshots.has([...below, wanted])) continue;
    await images.snapshots.add(below, { root: root.path, path: bytesOf(path) }, wanted, signal);
  }
  const record = { id: digestOf(text), config: text, parent: undefined, digests: [] };
  const image = await images.add(record, loadable.names);
  images.announce('load', image.id, image.id);
  if (loadable.names.length === 0) yield `Loaded image ID: ${image.id}`;
  for (const name of loadable.names) yield `Loaded image: ${familiarName(parseReference(name))}`;
}

function contents(root: Root): readonly Loadable[] {
  if (root.statTarget('manifest.json')) return dockerArchive(root);
  if (root.statTarget('index.json')) return ociLayout(root);
  throw new KindError(
    'invalid',
    'not an image archive: it has neither manifest.json (docker save) nor index.json (OCI layout); a root file system is brought in by "docker import"',
  );
}

function dockerArchive(root: Root): readonly Loadable[] {
  const items = parse<
    readonly { readonly Config: string; readonly RepoTags?: readonly string[] | null; readonly Layers: readonly string[] }[]
  >(read(root, 'manifest.json'), 'manifest.json');
  return items.map((item) => ({
    config: item.Config,
    layers: item.Layers ?? [],
    names: (item.RepoTags ?? []).map((name) => canonicalName(parseReference(name))),
  }));
}

function ociLayout(root: Root): readonly Loadable[] {
  const byDigest = new Map<Digest, Loadable>();
  for (const top of parse<{ readonly manifests: readonly Descriptor[] }>(read(root, 'index.json'), 'index.json').manifests) {
    const descriptor = forThisMachine(root, top);
    const manifest = parse<Manifest>(readBlob(root, descriptor.digest), descriptor.digest);
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
function forThisMachine(root: Root, descriptor: Descriptor): Descriptor {
  if (descriptor.mediaType !== mediaTypes.ociIndex && descriptor.mediaType !== mediaTypes.dockerList) return descriptor;
  const { manifests } = parse<{ readonly manifests: readonly Descriptor[] }>(readBlob(root, descriptor.digest), descriptor.digest);
  const found =
    manifests.find((each) => each.platform?.os === 'linux' && each.platform.architecture === architecture()) ??
    manifests.find((each) => !each.platform);
  if (found) return forThisMachine(root, found);
  throw new KindError('notFound', `the archive has no image for linux/${architecture()}`);
}

function nameOf(descriptor: Descriptor): readonly string[] {
  const name = descriptor.annotations?.['io.containerd.image.name'] ?? descriptor.annotations?.['org.opencontainers.image.ref.name'];
  // A bare tag is no name: skopeo and buildah write such.
  if (name === undefined || !/[/:]/.test(name)) return [];
  return [canonicalName(parseReference(name))];
}

function readBlob(root: Root, digest: Digest): string {
  const text = read(root, blobPath(parseDigest(digest)));
  if (digestOf(text) === digest) return text;
  throw new KindError('invalid', `archive is damaged: blob ${digest} has other content`);
}

function read(root: Root, path: string): string {
  const fd = root.open(bytesOf(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (fstatSync(fd).size > 16 << 20) throw new KindError('invalid', `${path} in the archive is larger than 16 MiB`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
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
