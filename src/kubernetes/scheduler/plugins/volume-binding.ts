import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { matchesTerm } from '../../../api/kubernetes/node-selection.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/kubernetes/types.generated.ts';
import type { Lookups } from '../cluster/cluster.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import { fewerPodsHelp, final, nothing, type Plugin, type Verdict } from './plugin.ts';

const conflict = 'node(s) had volume node affinity conflict';
const noVolume = "node(s) didn't find available persistent volumes to bind";
const noZone = 'node(s) had no available volume zone';
const zoneKeys = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Claims must exist and be bound, or be of a class that binds when the pod's node is known. */
export const volumeBinding: Plugin = {
  name: 'VolumeBinding',
  weight: 0,
  prepare(info, cluster) {
    if (info.claims.length === 0) return nothing;
    const claims: PersistentVolumeClaim[] = [];
    for (const name of info.claims) {
      const claim = cluster.lookups.claim(info.namespace, name);
      if (!claim) return { never: final(`persistentvolumeclaim "${name}" not found`) };
      if (claim.metadata.deletionTimestamp) return { never: final(`persistentvolumeclaim "${name}" is being deleted`) };
      claims.push(claim);
    }
    if (claims.some((claim) => !isBound(claim) && !waits(claim, cluster.lookups))) {
      return { never: final('pod has unbound immediate PersistentVolumeClaims') };
    }
    const bound = claims.filter(isBound).flatMap((claim) => cluster.lookups.volume(claim.spec?.volumeName ?? '') ?? []);
    const unbound = claims.filter((claim) => !isBound(claim));
    return { filter: (node) => verdictOn(node, bound, unbound, cluster.lookups) };
  },
  wakes: (_info, event) =>
    event.type === 'storageChanged' || event.type === 'nodeAdded' || (event.type === 'nodeChanged' && event.what.has('labels')),
};

function verdictOn(
  { node, labels }: NodeInfo,
  bound: readonly PersistentVolume[],
  unbound: readonly PersistentVolumeClaim[],
  lookups: Lookups,
): Verdict | undefined {
  if (!bound.every((volume) => reaches(volume, node))) return final(conflict);
  const isElsewhere = (volume: PersistentVolume): boolean =>
    zoneKeys.some(
      (key) => volume.metadata.labels?.[key] !== undefined && !volume.metadata.labels[key].split('__').includes(labels[key] ?? ''),
    );
  if (bound.some(isElsewhere)) return final(noZone);
  return unbound.every(
    (claim) => isProvisioned(claim, lookups) || lookups.volumes().some((volume) => fits(volume, claim) && reaches(volume, node)),
  )
    ? undefined
    : final(noVolume);
}

export function isBound({ spec, status }: PersistentVolumeClaim): boolean {
  return status?.phase === 'Bound' && Boolean(spec?.volumeName);
}

/** Its class binds for the first pod that uses it, on that pod's node. */
export function waits(claim: PersistentVolumeClaim, lookups: Lookups): boolean {
  return lookups.storageClass(claim.spec?.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';
}

function isProvisioned(claim: PersistentVolumeClaim, lookups: Lookups): boolean {
  const provisioner = lookups.storageClass(claim.spec?.storageClassName ?? '')?.provisioner ?? '';
  return provisioner !== '' && provisioner !== 'kubernetes.io/no-provisioner';
}

function reaches(volume: PersistentVolume, node: NodeInfo['node']): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

function fits({ metadata, spec, status }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (spec?.claimRef || metadata.deletionTimestamp || status?.phase === 'Failed') return false;
  const wanted = claim.spec;
  return (
    (spec?.storageClassName ?? '') === (wanted?.storageClassName ?? '') &&
    (wanted?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode)) &&
    quantityOf(spec?.capacity?.['storage'] ?? '0') >= quantityOf(wanted?.resources?.requests?.['storage'] ?? '0') &&
    (wanted?.selector === undefined || matchesLabels(wanted.selector, metadata.labels ?? {}))
  );
}

const exclusive = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';

/** A claim for one pod alone. */
export const volumeRestrictions: Plugin = {
  name: 'VolumeRestrictions',
  weight: 0,
  prepare(info, cluster) {
    const mine = info.claims.filter((name) => cluster.lookups.claim(info.namespace, name)?.spec?.accessModes?.includes('ReadWriteOncePod'));
    if (mine.length === 0) return nothing;
    const isTaken = (node: NodeInfo): boolean => usersOn(node, info.namespace, mine);
    const anywhere = cluster.nodes.some(isTaken);
    return anywhere ? { filter: () => fewerPodsHelp(exclusive) } : nothing;
  },
  wakes: (info, event) =>
    event.type === 'storageChanged' || (event.type === 'podGone' && event.info.claims.some((name) => info.claims.includes(name))),
};

function usersOn(node: NodeInfo, namespace: string, claims: readonly string[]): boolean {
  for (const other of node.pods.values()) {
    if (other.namespace === namespace && other.claims.some((name) => claims.includes(name))) return true;
  }
  return false;
}
