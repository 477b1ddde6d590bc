import { createHash } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { mediaTypes, type Descriptor, type ImageConfig, type Manifest } from '../../api/oci/image.ts';
import { digestOf, hexOf, parseDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import { Pushable } from '../../base/pushable.ts';
import { bytesOf } from '../../kernel/files.ts';
import type { PullOptions, PullProgress } from '../images/images.ts';
import { architecture } from '../images/import.ts';
import type { LocalImages } from '../images/local-images.ts';
import { canonicalName, familiarName, parseReference, type Reference } from '../images/reference.ts';
import { RegistryClient } from './registry-client.ts';

const indexes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const accepted = [...indexes, mediaTypes.ociManifest, mediaTypes.dockerManifest];
const parallelDownloads = 3;

/** `docker pull`: layers come in parallel, are verified as they come, and are unpacked from below. */
export async function* pullImage(
  images: LocalImages,
  text: string,
  options: PullOptions,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<PullProgress> {
  const reference = parseReference(text);
  const progress = new Pushable<PullProgress>();
  const abort = new AbortController();
  const either = AbortSignal.any([signal, abort.signal]);
  const done = pull(images, reference, options, (item) => progress.push(item), either).then(
    () => progress.end(),
    (error: unknown) => progress.fail(error),
  );
  try {
    yield* progress;
  } finally {
    abort.abort();
    await done;
  }
}

async function pull(
  images: LocalImages,
  reference: Reference,
  options: PullOptions,
  tell: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = await RegistryClient.connect(reference.domain, reference.path, options.credentials, signal);
  tell({ id: reference.tag ?? reference.digest, status: `Pulling from ${reference.path}` });
  const top = await client.manifest(reference.digest ?? reference.tag ?? 'latest', accepted, signal).catch((error: unknown) => {
    if (!(error instanceof KindError) || !/ not found: /.test(error.message)) throw error;
    throw new KindError('notFound', `manifest for ${familiarName(reference)} not found: manifest unknown: manifest unknown`, {
      cause: error,
    });
  });
  const manifest = await manifestFor(client, top, options.platform, signal);
  const config = await textOf(client, manifest.config.digest, signal);
  const before = images.table.find(canonicalName(reference))?.id;
  await pullLayers(images, client, manifest, config, tell, signal);
  const repository = `${reference.domain}/${reference.path}`;
  const names = reference.digest === undefined || reference.tag !== undefined ? [canonicalName({ ...reference, digest: undefined })] : [];
  const image = await images.add({ id: digestOf(config), config, parent: undefined, digests: [`${repository}@${top.digest}`] }, names);
  const name = familiarName(reference);
  images.announce('pull', name, name);
  tell({ status: `Digest: ${top.digest}` });
  tell({ status: `Status: ${before === image.id ? 'Image is up to date' : 'Downloaded newer image'} for ${name}` });
}

/** An index names one manifest per platform: `linux/arm64/v8`, by default this machine's. */
async function manifestFor(
  client: RegistryClient,
  top: { readonly text: string; readonly mediaType: string },
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Manifest> {
  const parsed = JSON.parse(top.text) as Manifest & { readonly manifests?: readonly Descriptor[] };
  if (!parsed.manifests) return checked(parsed);
  const [os, arch, variant] = (platform || `linux/${architecture()}`).split('/');
  const found = parsed.manifests.find(
    (each) =>
      each.platform?.os === os && each.platform?.architecture === arch && (variant === undefined || each.platform?.variant === variant),
  );
  if (!found) throw new KindError('notFound', `no matching manifest for ${os ?? ''}/${arch ?? ''} in the manifest list entries`);
  return checked(JSON.parse((await client.manifest(found.digest, accepted, signal)).text) as Manifest);
}

function checked(manifest: Manifest): Manifest {
  if (manifest.schemaVersion !== 2 || !manifest.config || !Array.isArray(manifest.layers)) {
    throw new KindError('notImplemented', 'the registry answered a manifest of an old form: only OCI and Docker schema 2 can be pulled');
  }
  return manifest;
}

async function textOf(client: RegistryClient, digest: Digest, signal: AbortSignal): Promise<string> {
  const text = Buffer.concat(await Array.fromAsync(await client.blob(parseDigest(digest), signal))).toString('utf8');
  if (digestOf(text) !== digest) throw new KindError('invalid', `blob ${digest} came with other content`);
  return text;
}

async function pullLayers(
  images: LocalImages,
  client: RegistryClient,
  manifest: Manifest,
  config: string,
  tell: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const diffIds = (JSON.parse(config) as ImageConfig).rootfs.diff_ids.map(parseDigest);
  if (diffIds.length !== manifest.layers.length)
    throw new KindError('invalid', 'the image config and the manifest disagree about the number of layers');
  const directory = images.snapshots.temporary();
  const isHere = (index: number): boolean => images.snapshots.has(diffIds.slice(0, index + 1));
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  /** The error that stopped everything else. */
  const first: { error: unknown } = { error: undefined };
  const slots = Array.from({ length: parallelDownloads }, () => Promise.resolve());
  try {
    const downloads = manifest.layers.map((layer, index) => {
      const id = shortId(layer.digest);
      tell({ id, status: isHere(index) ? 'Already exists' : 'Pulling fs layer' });
      if (isHere(index)) return Promise.resolve();
      const slot = index % parallelDownloads;
      const download = (slots[slot] ?? Promise.resolve()).then(() => downloadLayer(client, layer, directory, tell, either));
      download.catch((error: unknown) => {
        first.error ??= error;
        stop.abort();
      });
      slots[slot] = download;
      return download;
    });
    for (const [index, layer] of manifest.layers.entries()) {
      await downloads[index];
      if (isHere(index)) continue;
      tell({ id: shortId(layer.digest), status: 'Extracting', current: layer.size, total: layer.size });
      await images.snapshots.add(diffIds.slice(0, index), { root: directory, path: bytesOf(hexOf(layer.digest)) }, diffIds[index], either);
      rmSync(`${directory}/${hexOf(layer.digest)}`, { force: true });
      tell({ id: shortId(layer.digest), status: 'Pull complete' });
    }
  } catch (error) {
    throw first.error ?? error;
  } finally {
    stop.abort();
    await Promise.allSettled(slots);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function downloadLayer(
  client: RegistryClient,
  layer: Descriptor,
  directory: string,
  tell: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const id = shortId(layer.digest);
  const hash = createHash('sha256');
  let current = 0;
  let told = 0;
  const verified = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      current += chunk.length;
      if (current > layer.size) break;
      if (current - told > layer.size / 50) {
        told = current;
        tell({ id, status: 'Downloading', current, total: layer.size });
      }
      yield chunk;
    }
  };
  await pipeline(
    await client.blob(parseDigest(layer.digest), signal),
    verified,
    createWriteStream(`${directory}/${hexOf(layer.digest)}`, { mode: 0o600 }),
    { signal },
  );
  if (`sha256:${hash.digest('hex')}` !== layer.digest)
    throw new KindError('invalid', `layer ${layer.digest}: filesystem layer verification failed: content has another digest`);
  tell({ id, status: 'Download complete' });
}
