import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { mediaTypes, type Descriptor } from '../../api/oci/image.ts';
import { hexOf, type Digest } from '../../base/digest.ts';
import { isKind, KindError } from '../../base/errors.ts';
import { Slots } from '../../base/slots.ts';
import { configOf, type ImageRecord, type LayerSource } from '../images/image-table.ts';
import type { PushProgress } from '../images/images.ts';
import type { LocalImages } from '../images/local-images.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import type { Repository } from './repository.ts';

const parallelUploads = 3;
const mostTries = 5;
/** Repositories that are asked for a blob before it is uploaded. */
const mostMounts = 4;

interface PushContext {
  readonly repository: Repository;
  readonly domain: string;
  readonly path: string;
  readonly tell: (progress: PushProgress) => void;
  readonly signal: AbortSignal;
}

/** Sees to it that the registry has every layer, and tells in which form, lowest first. */
export async function pushLayers(images: LocalImages, image: ImageRecord, context: PushContext): Promise<readonly Descriptor[]> {
  const slots = new Slots(parallelUploads);
  const diffIds = configOf(image).rootfs.diff_ids;
  const stop = new AbortController();
  const inner = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  for (const diffId of new Set(diffIds.toReversed())) context.tell({ id: hexOf(diffId).slice(0, 12), status: 'Preparing' });
  let first: unknown;
  const byDiffId = new Map<Digest, Promise<Descriptor>>();
  const all = chainIdsOf(diffIds).map((chainId, index) => {
    const diffId = diffIds[index] ?? chainId;
    const known = byDiffId.get(diffId);
    if (known) return known;
    const push = slots.run(() => pushLayer(images, image.id, [chainId, diffId], inner));
    push.catch((error: unknown) => {
      first ??= error;
      stop.abort();
    });
    byDiffId.set(diffId, push);
    return push;
  });
  await Promise.allSettled(all);
  if (first !== undefined) throw first;
  return Promise.all(all);
}

async function pushLayer(
  images: LocalImages,
  image: Digest,
  [chainId, diffId]: readonly [chainId: Digest, diffId: Digest],
  context: PushContext,
): Promise<Descriptor> {
  const { repository, tell, signal } = context;
  const id = hexOf(diffId).slice(0, 12);
  const sources = images.table.sourcesOf(diffId, image);
  for (const { descriptor } of sources) {
    if (!(await repository.has(descriptor.digest, signal))) continue;
    tell({ id, status: 'Layer already exists' });
    return descriptor;
  }
  for (const [descriptor, from] of mounts(sources, context).slice(0, mostMounts)) {
    if (!(await repository.mount(descriptor.digest, from, signal).catch(() => false))) continue;
    tell({ id, status: `Mounted from ${from}` });
    return descriptor;
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await uploadLayer(images, chainId, id, context);
    } catch (error) {
      if (signal.aborted) throw new KindError('canceled', 'operation canceled', { cause: error });
      if (tries === mostTries || (error instanceof KindError && !isKind(error, 'unavailable'))) throw error;
      tell({ id, status: `Retrying in ${tries} second${tries > 1 ? 's' : ''}` });
      await sleep(tries * 1000, undefined, { signal });
    }
  }
}

/** Other repositories of the same registry that had the layer. */
function mounts(sources: readonly LayerSource[], { domain, path }: PushContext): readonly (readonly [Descriptor, string])[] {
  const prefix = `${domain}/`;
  return sources.flatMap(({ descriptor, repositories }) =>
    repositories
      .filter((repository) => repository.startsWith(prefix) && repository !== `${domain}/${path}`)
      .map((repository) => [descriptor, repository.slice(prefix.length)] as const),
  );
}

/** Tar, gzip and digest as one stream into the registry: nothing of it comes to lie on disk. */
async function uploadLayer(
  images: LocalImages,
  chainId: Digest,
  id: string,
  { repository, tell, signal }: PushContext,
): Promise<Descriptor> {
  const total = images.snapshots.layer(chainId).tarBytes;
  const hash = createHash('sha256');
  let size = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    let current = 0;
    let told = 0;
    for await (const chunk of images.snapshots.tar(chainId, signal) as AsyncIterable<Buffer>) {
      yield chunk;
      current += chunk.length;
      if (current - told < total / 50 && current < total) continue;
      told = current;
      tell({ id, status: 'Pushing', current, total });
    }
  };
  const zipped = async function* (): AsyncGenerator<Uint8Array> {
    const gzip = createGzip({ chunkSize: 131_072 });
    const feeding = feed(counted(), gzip);
    feeding.catch((error: Error) => gzip.destroy(error));
    try {
      for await (const chunk of gzip as AsyncIterable<Buffer>) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    } finally {
      gzip.destroy();
    }
  };
  let digest: Digest | undefined;
  await repository.uploadStream(zipped(), () => (digest = `sha256:${hash.digest('hex')}`), signal);
  if (digest === undefined) throw new Error('upload ended without a digest');
  tell({ id, status: 'Pushed' });
  return { mediaType: mediaTypes.dockerLayerGzip, digest, size };
}

async function feed(source: AsyncIterable<Uint8Array>, target: ReturnType<typeof createGzip>): Promise<void> {
  for await (const chunk of source) {
    if (target.destroyed) return;
    if (!target.write(chunk)) await new Promise<void>((resolve) => target.once('drain', resolve).once('close', resolve));
  }
  target.end();
}
