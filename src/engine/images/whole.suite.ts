import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { digestOf } from '../../base/digest.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import type { LocalImages } from './local-images.ts';

/** Every layer of every image gives its tar with the right digest, and no layer is there that no image has. */
export async function assertWhole(images: LocalImages, title: string): Promise<void> {
  const needed = new Set<string>();
  for (const image of await images.list()) {
    for (const chainId of chainIdsOf(image.config.rootfs.diff_ids)) {
      if (needed.has(chainId)) continue;
      needed.add(chainId);
      const { diffId } = images.snapshots.layer(chainId);
      assert.equal(digestOf(await buffer(images.snapshots.tar(chainId))), diffId, `${title}: ${image.names.join()} ${chainId}`);
    }
  }
  const { owners } = await images.snapshots.disk();
  assert.deepEqual([...owners.layers].sort(), [...needed].map((chainId) => chainId.slice('sha256:'.length)).sort(), title);
  assert.deepEqual(readdirSync(images.snapshots.temporaryRoot), [], title);
}
