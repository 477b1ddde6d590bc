import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events/events.ts';
import type { RegistrySettings } from '../registry/endpoints.ts';
import { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { configOf } from './image-table.ts';
import { LocalImages } from './local-images.ts';

export interface OpenImagesOptions {
  readonly dataRoot: string;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly events: Events;
  readonly log: Log;
  readonly registries?: RegistrySettings;
}

/** Opens images and layers below `dataRoot`; sweeps what an earlier process left half-made. */
export async function openImages(
  options: OpenImagesOptions,
): Promise<{ readonly images: LocalImages; readonly snapshots: OverlaySnapshots }> {
  const { dataRoot, store, events, log, kernel } = options;
  for (const point of kernel.mounts.list()) if (point.target.startsWith(`${dataRoot}/tmp/`)) kernel.mounts.unmount(point.target);
  const snapshots = await OverlaySnapshots.open({ dataRoot, store, log });
  for (const key of snapshots.keys()) if (key.startsWith('build-')) await snapshots.remove(key);
  const images = new LocalImages({ store, snapshots, events, log, registries: options.registries });
  await snapshots.collect(images.table.list().map((record) => configOf(record).rootfs.diff_ids));
  return { images, snapshots };
}
