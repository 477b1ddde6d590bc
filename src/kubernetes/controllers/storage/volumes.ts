import { persistentVolumeClaims, persistentVolumes } from '../../../api/kubernetes/kinds.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client } from '../../client/client.ts';
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
      if (!volume) return undefined;
      const reference = volume.spec?.claimRef;
      const claim =
        reference?.name === undefined
          ? undefined
          : await getIfExists(client, persistentVolumeClaims, { namespace: reference.namespace, name: reference.name });
      const isClaimed = claim !== undefined && (reference?.uid === undefined || reference.uid === claim.metadata.uid);
      const isReleased = reference?.uid !== undefined && !isClaimed;
      if (volume.metadata.deletionTimestamp) {
        if (!isClaimed) await unprotect(client, volume);
        return undefined;
      }
      if (!volume.metadata.finalizers?.includes(protection)) {
        const finalizers = [...(volume.metadata.finalizers ?? []), protection];
        await client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } });
        return { requeueAfterMs: 0 };
      }
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

const protection = 'kubernetes.io/pv-protection';

/** A deleted volume may go when no claim is bound to it. */
async function unprotect(client: Client, volume: PersistentVolume): Promise<void> {
  const finalizers = (volume.metadata.finalizers ?? []).filter((one) => one !== protection);
  if (finalizers.length === volume.metadata.finalizers?.length) return;
  await client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } });
}
