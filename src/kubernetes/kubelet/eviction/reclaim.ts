import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Engine } from '../../../engine/engine.ts';
import { podLabels } from '../pod/observed.ts';

/**
 * Disk that nobody needs: ended containers of pods that are over, then images that no container uses. Images that were built or imported
 * here stay: no registry has them.
 */
export async function reclaimDisk({ containers, images }: Engine, pods: readonly Pod[]): Promise<void> {
  const alive = new Set(
    pods.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? '')).map(({ metadata }) => metadata.uid),
  );
  const all = await containers.list();
  const over = all.filter(({ labels, pid }) => pid === undefined && labels[podLabels.uid] && !alive.has(labels[podLabels.uid]));
  for (const { id } of over) await containers.remove(id, { force: false, volumes: true });
  const used = new Set((await containers.list()).map(({ imageId }) => imageId));
  for (const image of await images.list()) {
    if (used.has(image.id) || image.digests.length === 0) continue;
    for (const name of image.names.length > 0 ? image.names : [image.id])
      await images.remove(name, { force: false, noPrune: false }).catch(() => undefined);
  }
}
