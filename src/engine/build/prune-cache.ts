import type { Digest } from '../../base/digest.ts';
import { hexOf } from '../../base/digest.ts';
import { isKind } from '../../base/errors.ts';
import { configOf } from '../images/image-table.ts';
import type { BuildParts } from './build-parts.ts';
import { choosePruned, type CacheUsage, type PrunedCache, type PruneRules } from './cache-usage.ts';
import type { CachedStep } from './step-cache.ts';

/** Everything in the build cache: a step has the bytes of the layer that it made. */
export async function cacheUsage(parts: BuildParts): Promise<readonly CacheUsage[]> {
  const steps = parts.cache.list();
  const keyOf = new Map(steps.map(([key, { imageId }]) => [imageId, key]));
  const kept = keptImages(parts, new Map(steps.map(([, step]) => [step.imageId, step])));
  const usage = steps.map(([key, step]): CacheUsage => {
    const parent = parts.images.table.get(step.imageId)?.parent;
    const parentKey = parent && keyOf.get(parent);
    return {
      id: key,
      parents: parentKey === undefined ? [] : [parentKey],
      type: 'regular',
      description: step.description,
      inUse: parts.cache.isUsed(key),
      shared: kept.has(step.imageId),
      bytes: parts.images.table.get(step.imageId) ? step.bytes : 0,
      createdAt: new Date(step.createdAt),
      lastUsedAt: step.lastUsedAt === undefined ? undefined : new Date(step.lastUsedAt),
      usageCount: step.usageCount,
    };
  });
  return [...usage, ...(await parts.mounts.usage())];
}

/** Images that stay whatever becomes of the cache, and all that they were built from: named ones, those that builds ended with. */
function keptImages({ images }: BuildParts, steps: ReadonlyMap<Digest, CachedStep>): ReadonlySet<Digest> {
  const kept = new Set<Digest>();
  const named = new Set(images.table.names().map(({ id }) => id));
  for (const image of images.table.list()) {
    const step = steps.get(image.id);
    if (step && step.isResult !== true && !named.has(image.id)) continue;
    for (let id: Digest | undefined = image.id; id !== undefined && !kept.has(id); id = images.table.get(id)?.parent) kept.add(id);
  }
  return kept;
}

/** Forgets what the rules choose; intermediate images that nothing else needs go with their steps. */
export async function pruneCache(parts: BuildParts, rules: PruneRules): Promise<PrunedCache> {
  const chosen = choosePruned(await cacheUsage(parts), rules, new Date());
  const before = await layerBytes(parts);
  const gone = chosen.flatMap(({ id }) => parts.cache.get(id)?.imageId ?? []);
  await parts.cache.delete(chosen.filter(({ type }) => type === 'regular').map(({ id }) => id));
  await parts.mounts.remove(chosen.filter(({ type }) => type === 'exec.cachemount').map(({ id }) => id));
  await removeIntermediate(parts, gone);
  const mountBytes = chosen.filter(({ type }) => type === 'exec.cachemount').reduce((sum, { bytes }) => sum + bytes, 0);
  return { ids: chosen.map(({ id }) => id), bytes: Math.max(0, before - (await layerBytes(parts))) + mountBytes };
}

/** From the leaves on: an image with children stays until they are gone. */
async function removeIntermediate(parts: BuildParts, candidates: readonly Digest[]): Promise<void> {
  const { images, cache } = parts;
  const results = new Set(cache.list().map(([, { imageId }]) => imageId));
  let left = candidates.filter((id) => images.table.get(id) && !results.has(id));
  for (;;) {
    const leaves = left.filter((id) => images.table.names(id).length === 0 && images.table.childrenOf(id).length === 0);
    if (leaves.length === 0) return;
    for (const id of leaves) await removeUnused(parts, id);
    left = left.filter((id) => !leaves.includes(id));
  }
}

async function removeUnused({ images }: BuildParts, id: Digest): Promise<void> {
  try {
    await images.remove(hexOf(id), { force: false, noPrune: true });
  } catch (error) {
    // A container was made of it meanwhile.
    if (!isKind(error, 'conflict') && !isKind(error, 'notFound')) throw error;
  }
}

async function layerBytes({ images, snapshots }: BuildParts): Promise<number> {
  const layers = new Map<string, number>();
  for (const image of images.table.list()) {
    const ids = configOf(image).rootfs.diff_ids;
    for (let length = 1; length <= ids.length; length++) {
      const below = ids.slice(0, length);
      layers.set(below.join(), (await snapshots.layerBytes(below)) - (await snapshots.layerBytes(below.slice(0, -1))));
    }
  }
  return [...layers.values()].reduce((sum, bytes) => sum + bytes, 0);
}
