import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes/types.generated.ts';

/** The volume that the claim should be bound to: the one reserved for it, else the smallest free one that fits. */
export function findVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): PersistentVolume | undefined {
  const reserved = volumes.find((volume) => isReservedFor(volume, claim));
  if (reserved) return reserved;
  const wanted = claim.spec?.volumeName;
  const free = volumes.filter((volume) => !volume.spec?.claimRef && !volume.metadata.deletionTimestamp);
  if (wanted) return free.find((volume) => volume.metadata.name === wanted);
  return free.filter((volume) => fits(volume, claim)).toSorted((a, b) => sizeOf(a) - sizeOf(b))[0];
}

/** Its claimRef names the claim, and no earlier claim of the same name. */
export function isReservedFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference?.namespace !== metadata.namespace || reference?.name !== metadata.name) return false;
  return reference?.uid === undefined || reference.uid === metadata.uid;
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = claim;
  return (
    (volume.spec?.storageClassName ?? '') === (spec?.storageClassName ?? '') &&
    (volume.spec?.volumeMode ?? 'Filesystem') === (spec?.volumeMode ?? 'Filesystem') &&
    (spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode)) &&
    sizeOf(volume) >= quantityOf(spec?.resources?.requests?.['storage'] ?? '0') &&
    (spec?.selector === undefined || matchesLabels(spec.selector, volume.metadata.labels ?? {}))
  );
}

function sizeOf(volume: PersistentVolume): number {
  return quantityOf(volume.spec?.capacity?.['storage'] ?? '0');
}
