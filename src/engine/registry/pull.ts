import { mediaTypes, type Descriptor, type ImageConfig, type Manifest } from '../../api/oci/image.ts';
import { digestOf, parseDigest, type Digest } from '../../base/digest.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import { told } from '../../base/told.ts';
import type { PullOptions, PullProgress } from '../images/images.ts';
import { architecture } from '../images/import.ts';
import type { LocalImages } from '../images/local-images.ts';
import { canonicalName, familiarName, familiarRepository, parseReference, type Reference } from '../images/reference.ts';
import type { ContentItem } from '../content/content.ts';
import { Repository, type RemoteManifest } from './repository.ts';
import { RegistrySession } from './session.ts';

const indexes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
export const acceptedManifests = [...indexes, mediaTypes.ociManifest, mediaTypes.dockerManifest];
const deepestIndex = 4;

type Tell = (progress: PullProgress) => void;

/** `docker pull`: layers come in parallel, are verified as they come, and take their places from below. */
export async function* pullImage(
  images: LocalImages,
  text: string,
  options: PullOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<PullProgress> {
  const reference = parseReference(text);
  yield* told((tell: Tell, stop) => pullAny(images, reference, options, tell, stop), signal);
}

/** From the first host that has it: a mirror that lacks an image is passed over. */
async function pullAny(images: LocalImages, reference: Reference, options: PullOptions, tell: Tell, signal: AbortSignal): Promise<void> {
  const { domain, path } = reference;
  let failed: unknown;
  for await (const session of RegistrySession.connect(
    domain,
    { settings: images.registries, purpose: 'pull', credentials: options.credentials },
    signal,
  )) {
    using _ = session;
    const repository = new Repository(session, path, 'pull');
    try {
      const tags = options.allTags ? await repository.tags(signal) : [reference.tag];
      for (const tag of tags) await pullOne(images, repository, { ...reference, tag }, options, tell, signal);
      return;
    } catch (error) {
      if (signal.aborted || !isPassedOver(error)) throw error;
      failed = error;
    }
  }
  throw failed;
}

function isPassedOver(error: unknown): boolean {
  return isKind(error, 'notFound') || isKind(error, 'unavailable') || isKind(error, 'unauthorized');
}

async function pullOne(
  images: LocalImages,
  repository: Repository,
  reference: Reference,
  options: PullOptions,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  tell({ id: reference.tag ?? reference.digest, status: `Pulling from ${reference.path}` });
  const top = await repository
    .manifest(reference.digest ?? reference.tag ?? 'latest', acceptedManifests, signal)
    .catch((error: unknown) => {
      if (!(error instanceof KindError) || !/ not found: /.test(error.message)) throw error;
      throw new KindError('notFound', `manifest for ${familiarName(reference)} not found: manifest unknown: manifest unknown`, {
        cause: error,
      });
    });
  const documents = await manifestFor(repository, top, options.platform, signal);
  const last = documents.at(-1) ?? top;
  const manifest = checked(parsed<Manifest>(last.text, last.digest));
  const text = await repository.blobText(parseDigest(manifest.config.digest), signal);
  const config = parsed<ImageConfig>(text, manifest.config.digest);
  if (!Array.isArray(config.rootfs?.diff_ids))
    throw new KindError(
      'invalid',
      `${familiarName(reference)} is no container image: its config (${manifest.config.mediaType}) names no layers`,
    );
  const before = images.table.find(canonicalName(reference))?.id;
  using lease = images.snapshots.leases.take();
  try {
    await images.puller.pull(manifest, config, { repository, tell, signal, lease });
  } catch (error) {
    lease[Symbol.dispose]();
    await images.collect();
    throw error;
  }
  const names = reference.tag === undefined ? [] : [canonicalName({ ...reference, digest: undefined })];
  const record = {
    id: digestOf(text),
    config: text,
    parent: undefined,
    digests: [`${reference.domain}/${reference.path}@${top.digest}`],
    content: documents.map((document) => document.digest),
  };
  const image = await images.add(record, names, documents);
  const name = familiarName(reference);
  images.announce('pull', name, name);
  tell({ status: `Digest: ${top.digest}` });
  const shown = reference.tag === undefined ? `${familiarRepository(reference)}@${top.digest}` : name;
  tell({ status: `Status: ${before === image.id ? 'Image is up to date' : 'Downloaded newer image'} for ${shown}` });
}

/** The documents from the top down to the manifest for the platform: `linux/arm64/v8`, by default this machine's. */
async function manifestFor(
  repository: Repository,
  top: RemoteManifest,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<readonly ContentItem[]> {
  const [os, arch, variant] = (platform || `linux/${architecture()}`).split('/');
  const documents: RemoteManifest[] = [top];
  for (let current = top; ;) {
    const { manifests } = parsed<{ readonly manifests?: readonly Descriptor[] }>(current.text, current.digest);
    if (!manifests) break;
    if (documents.length >= deepestIndex) throw new KindError('invalid', `index ${top.digest} nests more than ${deepestIndex - 1} deep`);
    const found = manifests.find(
      (each) =>
        each.platform?.os === os && each.platform?.architecture === arch && (variant === undefined || each.platform?.variant === variant),
    );
    if (!found)
      throw new KindError(
        'notFound',
        `no matching manifest for ${[os, arch, variant].filter(Boolean).join('/')} in the manifest list entries`,
      );
    current = await repository.manifest(parseDigest(found.digest), acceptedManifests, signal);
    documents.push(current);
  }
  return documents;
}

function checked(manifest: Manifest): Manifest {
  if (manifest.schemaVersion !== 2 || !manifest.config || !Array.isArray(manifest.layers)) {
    throw new KindError('notImplemented', 'the registry answered a manifest of an old form: only OCI and Docker schema 2 can be pulled');
  }
  for (const layer of manifest.layers) {
    parseDigest(layer.digest);
    if (!Number.isSafeInteger(layer.size) || layer.size < 0)
      throw new KindError('invalid', `layer ${layer.digest}: size ${String(layer.size)} in the manifest`);
  }
  return manifest;
}

function parsed<T extends object>(text: string, digest: Digest): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (typeof value === 'object' && value !== null) return value;
    throw new Error('it is no object');
  } catch (error) {
    throw new KindError('invalid', `the registry answered ${digest}, which is no JSON document: ${messageOf(error)}`, { cause: error });
  }
}
