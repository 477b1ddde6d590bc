import { chmod, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes/types.generated.ts';

export const className = 'davit-local';
export const provisioner = 'davit.dev/local';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** The scheduler's word on where a claim's first pod will run. */
export const selectedNode = 'volume.kubernetes.io/selected-node';

/** The class of claims that name none: a folder of the pod's machine, made on demand and removed with its claim. */
export const localClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: className, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

/** A new volume for the claim, reserved for it. Its name follows from the claim's UID: made twice, it is the same. */
export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, folder: string): PersistentVolume {
  const { namespace, name, uid } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const node = claim.metadata.annotations?.[selectedNode];
  const expressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node ?? ''] }];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName, annotations: { [provisionedBy]: provisioner }, finalizers: ['kubernetes.io/pv-protection'] },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec?.accessModes,
      volumeMode: 'Filesystem',
      storageClassName: storageClass.metadata.name,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      hostPath: { path: join(folder, volumeName), type: 'DirectoryOrCreate' },
      ...(node && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: expressions }] } } }),
    },
  };
}

/** Any user of a container may write in it, as with a new Docker volume that is chowned on first use. */
export async function makeFolder(volume: PersistentVolume): Promise<void> {
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) return;
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
}

/** Removes the data of a volume that this provisioner made; of no other, whatever its spec says. */
export async function removeFolder(volume: PersistentVolume, folder: string): Promise<void> {
  const path = volume.spec?.hostPath?.path;
  const name = volume.metadata.name ?? '';
  const isOurs = volume.metadata.annotations?.[provisionedBy] === provisioner && /^pvc-[0-9a-f-]{36}$/.test(name);
  if (isOurs && path === join(folder, basename(name))) await rm(path, { recursive: true, force: true });
}
