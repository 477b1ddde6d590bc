import type { HistoryEntry } from '../../api/oci/image.ts';
import type { Digest } from '../../base/digest.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import { configOf, type ImageRecord, type ImageTable } from './image-table.ts';
import type { ImageHistory } from './images.ts';
import { familiarName, parseReference } from './reference.ts';

/** Steps, newest first. A step carries an ID where an image of it is kept: the image itself and its chain of parents. */
export async function historyOf(table: ImageTable, snapshots: OverlaySnapshots, image: ImageRecord): Promise<readonly ImageHistory[]> {
  const config = configOf(image);
  const entries: readonly HistoryEntry[] = config.history ?? config.rootfs.diff_ids.map(() => ({}));
  const ids = idsBySteps(table, image);
  const chains = chainIdsOf(config.rootfs.diff_ids);
  const rows: ImageHistory[] = [];
  let layers = 0;
  for (const [index, entry] of entries.entries()) {
    if (!entry.empty_layer) layers += 1;
    const bytes = entry.empty_layer ? 0 : snapshots.layer(chains[layers - 1] ?? image.id).bytes;
    const id = ids.get(index + 1);
    const names = id === undefined ? [] : table.names(id).map((name) => familiarName(parseReference(name.name)));
    rows.push({ ...entry, id, bytes, names });
  }
  return rows.reverse();
}

/** Number of history entries → image that has exactly these. */
function idsBySteps(table: ImageTable, image: ImageRecord): ReadonlyMap<number, Digest> {
  const ids = new Map<number, Digest>();
  for (
    let current: ImageRecord | undefined = image;
    current;
    current = current.parent === undefined ? undefined : table.get(current.parent)
  ) {
    const config = configOf(current);
    ids.set(config.history?.length ?? config.rootfs.diff_ids.length, current.id);
  }
  return ids;
}
