import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../../api/kubernetes/kinds.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { type Context, ownKey, type Reconciler } from '../reconciler.ts';
import { className, localClass, makeFolder, volumeFor } from './local-provisioner.ts';
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
  if (bound && !known) return setPhase(context, claim, 'Lost');
  const volume = findVolume(claim, items) ?? (await provision(context, claim, folder));
  if (!volume) return setPhase(context, claim, 'Pending');
  const { namespace, name, uid } = claim.metadata;
  if (volume.spec?.claimRef?.uid !== uid) {
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
    await client.update(persistentVolumes, { ...volume, spec: { ...volume.spec, claimRef } });
  }
  const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
  const wanted = { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: volume.metadata.name } };
  const current = isEqual(wanted, claim) ? claim : await client.update(persistentVolumeClaims, wanted);
  const status = { ...current.status, phase: 'Bound', accessModes: volume.spec?.accessModes, capacity: volume.spec?.capacity };
  if (!isEqual(status, current.status)) await client.update(persistentVolumeClaims, { ...current, status }, 'status');
  return undefined;
}

async function adoptDefaultClass({ client }: Context, claim: PersistentVolumeClaim): Promise<undefined> {
  await client.update(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName: className } });
  return undefined;
}

async function provision({ client, record }: Context, claim: PersistentVolumeClaim, folder: string): Promise<PersistentVolume | undefined> {
  if (claim.spec?.storageClassName !== className || claim.spec.volumeName || claim.spec.volumeMode === 'Block') return undefined;
  await client.create(storageClasses, localClass).catch(ignoreExisting);
  const volume = volumeFor(claim, folder);
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

async function setPhase({ client, record }: Context, claim: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): Promise<undefined> {
  if (claim.status?.phase === phase) return undefined;
  if (phase === 'Lost') record(claim, 'Warning', 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  else record(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
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
