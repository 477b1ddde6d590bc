import type { Deployment, IntOrString, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { oldestFirst } from './template.ts';

/** New replica counts by ReplicaSet name; those that stay as they are are left out. */
export type Scaling = ReadonlyMap<string, number>;

export interface Limits {
  readonly surge: number;
  readonly unavailable: number;
}

/** Percentages: surge rounds up, unavailable rounds down; when both come to 0, one pod may be unavailable (ResolveFenceposts). */
export function rolloutLimits(deployment: Deployment): Limits {
  const replicas = deployment.spec?.replicas ?? 1;
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, replicas, Math.ceil);
  const unavailable = resolve(maxUnavailable, replicas, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas) };
}

export function resolve(value: IntOrString, whole: number, round: (x: number) => number): number {
  return typeof value === 'string' && value.endsWith('%') ? round((Number(value.slice(0, -1)) * whole) / 100) : Number(value);
}

/** How many pods the new ReplicaSet may have now without passing replicas + surge in all. */
export function newReplicas(deployment: Deployment, current: ReplicaSet | undefined, all: readonly ReplicaSet[]): number {
  const wanted = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === 'Recreate') return wanted;
  const have = current?.spec?.replicas ?? 0;
  if (have >= wanted) return wanted;
  const room = wanted + rolloutLimits(deployment).surge - total(all, specReplicas);
  return room <= 0 ? have : have + Math.min(room, wanted - have);
}

/**
 * One step of a rolling update: grow the new one into the surge, else shrink the old ones as far as availability allows,
 * unhealthy pods first. Level-triggered: called again after every change, it converges.
 */
export function rollingStep(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Scaling {
  const grown = newReplicas(deployment, current, [current, ...old]);
  if (grown !== specReplicas(current)) return new Map([[nameOf(current), grown]]);
  return shrinkOld(deployment, current, old);
}

function shrinkOld(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Scaling {
  const all = [current, ...old];
  const minAvailable = (deployment.spec?.replicas ?? 1) - rolloutLimits(deployment).unavailable;
  const newUnavailable = specReplicas(current) - available(current);
  const removable = total(all, specReplicas) - minAvailable - newUnavailable;
  const counts = new Map(old.map((one) => [nameOf(one), specReplicas(one)]));
  if (removable <= 0 || total(old, specReplicas) === 0) return new Map();
  let unhealthyLeft = removable;
  for (const one of oldestFirst(old)) {
    const cut = Math.min(unhealthyLeft, Math.max(0, specReplicas(one) - available(one)));
    counts.set(nameOf(one), specReplicas(one) - cut);
    unhealthyLeft -= cut;
  }
  let healthyLeft = total(all, available) - minAvailable;
  for (const one of oldestFirst(old)) {
    const left = counts.get(nameOf(one)) ?? 0;
    const cut = Math.max(0, Math.min(healthyLeft, left));
    counts.set(nameOf(one), left - cut);
    healthyLeft -= cut;
  }
  return changed(old, counts);
}

/** `kubectl scale` in the middle of a rollout: the difference is shared out in proportion, the largest first. */
export function proportionalScale(deployment: Deployment, active: readonly ReplicaSet[]): Scaling {
  const wanted = deployment.spec?.replicas ?? 1;
  const [only] = active;
  if (active.length === 1 && only) return changed(active, new Map([[nameOf(only), wanted]]));
  const sum = total(active, specReplicas);
  const goal = wanted > 0 ? wanted + rolloutLimits(deployment).surge : 0;
  let rest = goal - sum;
  const counts = new Map<string, number>();
  for (const one of active.toSorted((a, b) => specReplicas(b) - specReplicas(a))) {
    const share = Math.round((specReplicas(one) * (goal - sum)) / Math.max(1, sum));
    const step = rest > 0 ? Math.min(rest, Math.max(0, share)) : Math.max(rest, Math.min(0, share));
    counts.set(nameOf(one), Math.max(0, specReplicas(one) + step));
    rest -= step;
  }
  const [largest] = active.toSorted((a, b) => specReplicas(b) - specReplicas(a));
  if (largest) counts.set(nameOf(largest), Math.max(0, (counts.get(nameOf(largest)) ?? 0) + rest));
  return changed(active, counts);
}

function changed(replicaSets: readonly ReplicaSet[], counts: ReadonlyMap<string, number>): Scaling {
  const different = replicaSets.filter((one) => counts.has(nameOf(one)) && counts.get(nameOf(one)) !== specReplicas(one));
  return new Map(different.map((one) => [nameOf(one), counts.get(nameOf(one)) ?? 0]));
}

export function specReplicas(replicaSet: ReplicaSet): number {
  return replicaSet.spec?.replicas ?? 1;
}

export function available(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}

export function total(replicaSets: readonly ReplicaSet[], count: (one: ReplicaSet) => number): number {
  return replicaSets.reduce((sum, one) => sum + count(one), 0);
}

function nameOf(replicaSet: ReplicaSet): string {
  return replicaSet.metadata.name ?? '';
}
