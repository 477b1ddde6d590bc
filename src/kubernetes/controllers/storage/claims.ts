import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../../api/kubernetes/kinds.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { type Context, ownKey, type Reconciler } from '../reconciler.ts';
import { className, localClass, makeFolder, provisioner, selectedNode, volumeFor } from './local-provisioner.ts';
import { findVolume } from './match.ts';

const protection = 'kubernetes.io/pvc-protection';

/** Binds claims to volumes, making volumes for the local class; keeps a claim while a pod uses it. */
export function claimController(folder: string, pendingClaims: () => readonly ObjectKey[]): Reconciler {
  return {
    name: 'persistentvolume-controller',
    triggers: [
      { kind: persistentVolumeClaims, keysOf: ownKey },
      { kind: pods, keysOf: claimsOf },
      { kind: persistentVolumes, keysOf: (volume) => [...claimRefOf(volume as PersistentVolume), ...pendingClaims()] },
      { kind: storageClasses, keysOf: pendingClaims },
    ],
    async reconcile(context, key) {
      const claim = await getIfExists(context.client, persistentVolumeClaims, key);
      if (!claim) return undefined;
      if (claim.metadata.deletionTimestamp) return release(context, claim);
      if (!claim.metadata.finalizers?.includes(protection)) {
        const finalizers = [...(claim.metadata.finalizers ?? []), protection];
        const protectedClaim = { ...claim, metadata: { ...claim.metadata, finalizers } };
        return bind(context, await context.client.update(persistentVolumeClaims, protectedClaim), folder);
      }
      return bind(context, claim, folder);
    },
  };
}

/** Lets a deleted claim go when no unfinished pod uses it. */
async function release({ client }: Context, claim: PersistentVolumeClaim): Promise<undefined> {
  const { finalizers = [], namespace, name } = claim.metadata;
  if (!finalizers.includes(protection)) return undefined;
  const { items } = await client.list(pods, { namespace });
  const isUsed = items.some((pod) => !isOver(pod) && claimsOf(pod).some((key) => key.name === name));
  if (isUsed) return undefined;
  const rest = finalizers.filter((finalizer) => finalizer !== protection);
  await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, finalizers: rest } });
  return undefined;
}

async function bind(context: Context, claim: PersistentVolumeClaim, folder: string): Promise<undefined> {
  const { client } = context;
  if (claim.spec?.storageClassName === undefined && !claim.spec?.volumeName) return adoptDefaultClass(context, claim);
  const { items } = await client.list(persistentVolumes);
  const bound = claim.status?.phase === 'Bound';
  const known = items.find((volume) => volume.metadata.name === claim.spec?.volumeName);
  if (bound && !known) return setPhase(context, claim, 'Lost', lost);
  const storageClass = await classOf(context, claim);
  if (!bound && !claim.spec?.volumeName && waitsForPod(claim, storageClass)) return setPhase(context, claim, 'Pending', waitingForPod);
  const volume = findVolume(claim, items) ?? (await provision(context, claim, storageClass, folder));
  if (!volume) return setPhase(context, claim, 'Pending', reasonOf(claim, storageClass));
  const { namespace, name, uid } = claim.metadata;
  if (volume.spec?.claimRef?.uid !== uid) {
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
    await client.update(persistentVolumes, { ...volume, spec: { ...volume.spec, claimRef } });
  }
  const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
  const wanted = { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: volume.metadata.name } };
  const current = isEqual(wanted, claim) ? claim : await client.update(persistentVolumeClaims, wanted);
  const capacity = await expanded(context, current, volume, storageClass);
  const status = { ...current.status, phase: 'Bound', accessModes: volume.spec?.accessModes, capacity };
  if (!isEqual(status, current.status)) await client.update(persistentVolumeClaims, { ...current, status }, 'status');
  return undefined;
}

async function adoptDefaultClass({ client }: Context, claim: PersistentVolumeClaim): Promise<undefined> {
  await client.update(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName: className } });
  return undefined;
}

async function classOf({ client }: Context, { spec }: PersistentVolumeClaim): Promise<StorageClass | undefined> {
  const name = spec?.storageClassName;
  if (!name) return undefined;
  const found = await getIfExists(client, storageClasses, { name });
  if (found || name !== className) return found;
  await client.create(storageClasses, localClass).catch(ignoreExisting);
  return localClass;
}

function waitsForPod({ metadata }: PersistentVolumeClaim, storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && metadata.annotations?.[selectedNode] === undefined;
}

async function provision(
  { client, record }: Context,
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
  folder: string,
): Promise<PersistentVolume | undefined> {
  if (storageClass?.provisioner !== provisioner || claim.spec?.volumeName || claim.spec?.volumeMode === 'Block') return undefined;
  const volume = volumeFor(claim, storageClass, folder);
  await makeFolder(volume);
  try {
    const made = await client.create(persistentVolumes, volume);
    record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
    return made;
  } catch (error) {
    ignoreExisting(error);
    return client.get(persistentVolumes, { name: volume.metadata.name ?? '' });
  }
}

/** The volume's capacity, after it has grown to what a claim of an expandable class asks for: folders have no size of their own. */
async function expanded(
  { client, record }: Context,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  storageClass: StorageClass | undefined,
): Promise<Readonly<Record<string, string | number>> | undefined> {
  const capacity = volume.spec?.capacity;
  const wanted = claim.spec?.resources?.requests?.['storage'];
  const isOurs = storageClass?.provisioner === provisioner && storageClass.allowVolumeExpansion === true;
  if (!isOurs || wanted === undefined || quantityOf(wanted) <= quantityOf(capacity?.['storage'] ?? '0')) return capacity;
  const grown = { ...capacity, storage: wanted };
  const current = await client.get(persistentVolumes, { name: volume.metadata.name ?? '' });
  await client.update(persistentVolumes, { ...current, spec: { ...current.spec, capacity: grown } });
  record(claim, 'Normal', 'FileSystemResizeSuccessful', 'MountVolume.NodeExpandVolume succeeded for volume');
  return grown;
}

interface Reason {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

const lost: Reason = {
  type: 'Warning',
  reason: 'ClaimLost',
  message: 'Bound claim has lost its PersistentVolume. Data on the volume is lost!',
};
const waitingForPod: Reason = {
  type: 'Normal',
  reason: 'WaitForFirstConsumer',
  message: 'waiting for first consumer to be created before binding',
};

function reasonOf({ spec }: PersistentVolumeClaim, storageClass: StorageClass | undefined): Reason {
  const name = spec?.storageClassName;
  if (name && !storageClass) {
    return { type: 'Warning', reason: 'ProvisioningFailed', message: `storageclass.storage.k8s.io "${name}" not found` };
  }
  const message = 'no persistent volumes available for this claim and no storage class is set';
  return { type: 'Normal', reason: 'FailedBinding', message };
}

async function setPhase(context: Context, claim: PersistentVolumeClaim, phase: 'Pending' | 'Lost', why: Reason): Promise<undefined> {
  const { client, record } = context;
  record(claim, why.type, why.reason, why.message);
  if (claim.status?.phase === phase) return undefined;
  await client.update(persistentVolumeClaims, { ...claim, status: { ...claim.status, phase } }, 'status');
  return undefined;
}

export function claimsOf(pod: Pod): readonly ObjectKey[] {
  const names = (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  return names.map((name) => ({ namespace: pod.metadata.namespace, name }));
}

function claimRefOf({ spec }: PersistentVolume): readonly ObjectKey[] {
  return spec?.claimRef?.name ? [{ namespace: spec.claimRef.namespace, name: spec.claimRef.name }] : [];
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function ignoreExisting(error: unknown): void {
  if (!isKind(error, 'alreadyExists')) throw error;
}
