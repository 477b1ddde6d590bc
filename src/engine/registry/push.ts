import { mediaTypes, type Descriptor, type Manifest } from '../../api/oci/image.ts';
import { digestOf, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { told } from '../../base/told.ts';
import { configOf, type ImageRecord } from '../images/image-table.ts';
import type { PushOptions, PushProgress } from '../images/images.ts';
import type { LocalImages } from '../images/local-images.ts';
import { familiarName, familiarRepository, parseReference, type Reference } from '../images/reference.ts';
import type { ContentItem } from '../content/content.ts';
import { completeIndex, indexOver } from './push-index.ts';
import { pushLayers } from './push-layers.ts';
import { Repository } from './repository.ts';
import { RegistrySession } from './session.ts';

/** `docker push`: of a name without tag all tags of that repository. */
export async function* pushImage(
  images: LocalImages,
  text: string,
  options: PushOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<PushProgress> {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw new KindError('invalid', 'cannot push a digest reference');
  const records = chosen(images, reference, options);
  yield* told((tell: (progress: PushProgress) => void, stop) => pushAll(images, reference, records, options, tell, stop), signal);
}

interface Chosen {
  readonly tag: string;
  readonly image: ImageRecord;
}

function chosen(images: LocalImages, reference: Reference, options: PushOptions): readonly Chosen[] {
  const repository = `${reference.domain}/${reference.path}`;
  const names = images.table.names().filter(({ name }) => {
    const parsed = parseReference(name);
    return `${parsed.domain}/${parsed.path}` === repository && (options.allTags || parsed.tag === reference.tag);
  });
  const found = names.flatMap(({ name, id }) => {
    const image = images.table.get(id);
    return image ? [{ tag: parseReference(name).tag ?? 'latest', image }] : [];
  });
  if (found.length > 0) return found;
  const familiar = familiarRepository(reference);
  const message = options.allTags
    ? `An image does not exist locally with the name: ${familiar}`
    : `An image does not exist locally with the tag: ${familiar}`;
  throw new KindError('notFound', message);
}

async function pushAll(
  images: LocalImages,
  reference: Reference,
  records: readonly Chosen[],
  options: PushOptions,
  tell: (progress: PushProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  tell({ status: `The push refers to repository [${reference.domain}/${reference.path}]` });
  using session = await RegistrySession.first(
    reference.domain,
    { settings: images.registries, purpose: 'push', credentials: options.credentials },
    signal,
  );
  const repository = new Repository(session, reference.path, 'pull,push');
  for (const { tag, image } of records) {
    const layers = await pushLayers(images, image, { repository, domain: reference.domain, path: reference.path, tell, signal });
    if (!(await repository.has(image.id, signal))) await repository.upload(Buffer.from(image.config), signal);
    const manifest = manifestOf(images, image, layers);
    const document = (await pushedIndex(images, image, manifest, { session, repository, reference, tell, signal })) ?? manifest;
    await repository.putManifest(tag, document.text, document.mediaType, signal);
    const size = Buffer.byteLength(document.text);
    tell({ status: `${tag}: digest: ${document.digest} size: ${size}` });
    tell({ status: '', aux: { Tag: tag, Digest: document.digest, Size: size } });
    const digests = [`${reference.domain}/${reference.path}@${document.digest}`];
    const documents = document === manifest ? [manifest] : [document, manifest];
    await images.add({ ...image, digests, content: documents.map(({ digest }) => digest) }, [], documents);
    const name = familiarName({ ...reference, tag });
    images.announce('push', name, name);
  }
}

interface IndexContext {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly reference: Reference;
  readonly tell: (progress: PushProgress) => void;
  readonly signal: AbortSignal;
}

/** The index that the image came with, whole, where the registry has the rest of it; the manifest alone otherwise. */
async function pushedIndex(
  images: LocalImages,
  image: ImageRecord,
  manifest: ContentItem,
  { session, repository, reference, tell, signal }: IndexContext,
): Promise<ContentItem | undefined> {
  const index = indexOver(manifest, images.table.contentOf(image));
  if (!index) return undefined;
  await repository.putManifest(manifest.digest, manifest.text, manifest.mediaType, signal);
  const paths = new Set(image.digests.map(parseReference).flatMap(({ domain, path }) => (domain === reference.domain ? path : [])));
  const sources = [...paths].filter((path) => path !== reference.path).map((path) => new Repository(session, path, 'pull'));
  if (await completeIndex(index, manifest.digest, repository, sources, signal)) return index;
  tell({
    status: `Not all multiplatform-content is present and only the available single-platform image was pushed\n${index.digest} -> ${manifest.digest}`,
  });
  return undefined;
}

/** The manifest that the image came with, when the registry has exactly its layers: pushed on, an image keeps its digest. */
function manifestOf(images: LocalImages, image: ImageRecord, layers: readonly Descriptor[]): ContentItem {
  for (const item of images.table.contentOf(image)) {
    const kept = JSON.parse(item.text) as Partial<Manifest>;
    const isSame =
      kept.config?.digest === image.id && kept.layers?.map((layer) => layer.digest).join() === layers.map((layer) => layer.digest).join();
    if (isSame) return item;
  }
  return newManifest(image.id, Buffer.byteLength(image.config), layers, configOf(image).rootfs.diff_ids.length);
}

/** Docker's schema 2, in the very form that dockerd writes; OCI's where a layer has a form that Docker's has no name for. */
function newManifest(id: Digest, configBytes: number, layers: readonly Descriptor[], count: number): ContentItem {
  if (layers.length !== count) throw new Error(`push: ${layers.length} of ${count} layers`);
  const isOci = layers.some((layer) => layer.mediaType === mediaTypes.ociLayerZstd);
  const mediaType = isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig, size: configBytes, digest: id },
    layers: layers.map(({ mediaType: type, size, digest }) => ({ mediaType: layerType(type, isOci), size, digest })),
  };
  const text = JSON.stringify(manifest, undefined, 3);
  return { digest: digestOf(text), mediaType, text };
}

function layerType(mediaType: string, isOci: boolean): string {
  if (/zstd/.test(mediaType)) return mediaTypes.ociLayerZstd;
  const isGzip = mediaType.endsWith('gzip');
  if (isOci) return isGzip ? mediaTypes.ociLayerGzip : mediaTypes.ociLayer;
  return isGzip ? mediaTypes.dockerLayerGzip : mediaTypes.dockerLayer;
}
