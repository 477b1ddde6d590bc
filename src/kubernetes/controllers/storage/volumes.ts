import { persistentVolumeClaims, persistentVolumes } from '../../../api/kubernetes/kinds.ts';
import type { PersistentVolumeClaim } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';
import { removeFolder } from './local-provisioner.ts';

/** Keeps a volume's phase, and reclaims it when its claim is gone: available → bound → released → (policy Delete) gone. */
export function volumeController(folder: string): Reconciler {
  return {
    name: 'persistentvolume-binder',
    triggers: [
      { kind: persistentVolumes, keysOf: ownKey },
      {
        kind: persistentVolumeClaims,
        keysOf: (claim) => {
          const name = (claim as PersistentVolumeClaim).spec?.volumeName;
          return name ? [{ name }] : [];
        },
      },
    ],
    async reconcile({ client }, { name }) {
      const volume = await getIfExists(client, persistentVolumes, { name });
      if (!volume || volume.metadata.deletionTimestamp) return undefined;
      const reference = volume.spec?.claimRef;
      const claim =
        reference?.name === undefined
          ? undefined
          : await getIfExists(client, persistentVolumeClaims, { namespace: reference.namespace, name: reference.name });
      const isClaimed = claim !== undefined && (reference?.uid === undefined || reference.uid === claim.metadata.uid);
      const isReleased = reference?.uid !== undefined && !isClaimed;
      const phase = isReleased ? 'Released' : isClaimed && reference?.uid ? 'Bound' : 'Available';
      const status = { ...volume.status, phase };
      if (!isEqual(status, volume.status)) await client.update(persistentVolumes, { ...volume, status }, 'status');
      if (!isReleased || volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') return undefined;
      await removeFolder(volume, folder);
      await client.delete(persistentVolumes, { name }, { uid: volume.metadata.uid }).catch((error: unknown) => {
        if (!isKind(error, 'notFound')) throw error;
      });
      return undefined;
    },
  };
}
