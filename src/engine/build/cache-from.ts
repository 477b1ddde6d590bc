import type { HistoryEntry } from '../../api/oci/image.ts';
import { isKind } from '../../base/errors.ts';
import type { Image } from '../images/images.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import type { BuildParts } from './build-parts.ts';
import type { CachableStep, StepResultState, StepState } from './build-run.ts';

/**
 * `--cache-from`: images that came from elsewhere tell by their history how each layer was made. One whose history
 * begins like ours and goes on with this very step has its result.
 */
export async function cachedInImages(
  { images, snapshots }: BuildParts,
  references: readonly string[],
  before: StepState,
  step: CachableStep,
): Promise<StepResultState | undefined> {
  for (const reference of references) {
    const image = await images.get(reference).catch((error: unknown) => {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    });
    const next = image && nextOf(image, before);
    if (!image || !next || next.created_by !== step.told) continue;
    const layers = image.config.rootfs.diff_ids;
    const diffId = next.empty_layer === true ? undefined : layers[before.layers.length];
    const chainId = diffId === undefined ? undefined : chainIdsOf([...before.layers, diffId]).at(-1);
    const bytes = chainId === undefined ? 0 : snapshots.layer(chainId).bytes;
    return { config: step.config ?? before.config, layer: diffId === undefined ? undefined : { diffId, bytes } };
  }
  return undefined;
}

/** The step that the image took from this state; undefined when it never was in it. */
function nextOf(image: Image, before: StepState): HistoryEntry | undefined {
  const history = image.config.history ?? [];
  const { length } = before.history;
  const sameSteps = before.history.every((entry, index) => history[index]?.created_by === entry.created_by);
  const sameLayers = before.layers.every((layer, index) => image.config.rootfs.diff_ids[index] === layer);
  return sameSteps && sameLayers ? history[length] : undefined;
}
