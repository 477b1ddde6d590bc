import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '../../../api/kubernetes/types.generated.ts';

/**
 * Pure. The claims whose owners differ from what spec.persistentVolumeClaimRetentionPolicy asks for, with their new
 * owners: the garbage collector does the rest.
 *
 *   whenDeleted: Delete   the claim belongs to the set
 *   whenScaled: Delete    the claim of an ordinal beyond replicas belongs to its pod, which is on its way out
 */
export function retainedClaims(
  set: StatefulSet,
  claims: readonly PersistentVolumeClaim[],
  pods: readonly Pod[],
): readonly PersistentVolumeClaim[] {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const start = set.spec?.ordinals?.start ?? 0;
  const end = start + (set.spec?.replicas ?? 1);
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  return claims.flatMap((claim) => {
    const ordinal = ordinalOf(set, claim);
    if (ordinal === undefined || claim.metadata.deletionTimestamp) return [];
    const podName = `${set.metadata.name}-${ordinal}`;
    const pod = byName.get(podName);
    const isCondemned = ordinal < start || ordinal >= end;
    const others = (claim.metadata.ownerReferences ?? []).filter(({ kind, name }) => !isOurs(set, kind, name, podName));
    const own = isCondemned && whenScaled === 'Delete' ? podOwner(pod, claim) : whenDeleted === 'Delete' ? [setOwner(set)] : [];
    const wanted = [...others, ...own];
    if (uids(wanted) === uids(claim.metadata.ownerReferences ?? [])) return [];
    return [{ ...claim, metadata: { ...claim.metadata, ownerReferences: wanted } }];
  });
}

function isOurs(set: StatefulSet, kind: string, name: string, podName: string): boolean {
  return (kind === 'StatefulSet' && name === set.metadata.name) || (kind === 'Pod' && name === podName);
}

/** With its pod gone already the claim keeps the owner that it had. */
function podOwner(pod: Pod | undefined, claim: PersistentVolumeClaim): readonly OwnerReference[] {
  if (!pod) return (claim.metadata.ownerReferences ?? []).filter(({ kind }) => kind === 'Pod');
  return [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' }];
}

function setOwner({ metadata }: StatefulSet): OwnerReference {
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', name: metadata.name ?? '', uid: metadata.uid ?? '' };
}

function uids(owners: readonly OwnerReference[]): string {
  return owners
    .map(({ uid }) => uid)
    .toSorted()
    .join(' ');
}

/** `data-db-3` of a set `db` with a template `data` → 3. */
function ordinalOf(set: StatefulSet, { metadata }: PersistentVolumeClaim): number | undefined {
  for (const template of set.spec?.volumeClaimTemplates ?? []) {
    const prefix = `${template.metadata.name}-${set.metadata.name}-`;
    const rest = metadata.name?.startsWith(prefix) ? metadata.name.slice(prefix.length) : '';
    if (/^\d+$/.test(rest)) return Number(rest);
  }
  return undefined;
}
