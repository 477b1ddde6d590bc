import type {
  Condition,
  IntOrString,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
} from '../../../api/kubernetes/types.generated.ts';
import { resolve } from '../deployment/rollout.ts';
import { isReady } from '../pod-facts.ts';

/** An eviction that was let through and whose pod is still there after this long did not happen. */
const disruptionTimeoutMs = 120_000;

/**
 * Pure. `pods`: those the budget selects; `scale`: how many their controllers want together, undefined when some pod has
 * no controller that says so (then only a whole number of minAvailable has a meaning).
 */
export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number | undefined,
  now: number,
): { readonly status: PodDisruptionBudgetStatus; readonly againAfterMs: number | undefined } {
  const disruptedPods = stillDisrupted(budget, pods, now);
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const counted = pods.filter((pod) => !isOver(pod));
  const isWhole = typeof minAvailable === 'number' && maxUnavailable === undefined;
  const expectedPods = isWhole ? counted.length : (scale ?? 0);
  const desiredHealthy = desired(expectedPods, minAvailable, maxUnavailable);
  const currentHealthy = counted.filter(
    (pod) => isReady(pod) && !pod.metadata.deletionTimestamp && disruptedPods[pod.metadata.name ?? ''] === undefined,
  ).length;
  const spare = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const times = Object.values(disruptedPods).map((time) => Date.parse(time) + disruptionTimeoutMs - now);
  const status = {
    conditions: [condition(budget, spare, now)],
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed: spare,
    expectedPods,
    observedGeneration: budget.metadata.generation,
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
  };
  return { status, againAfterMs: times.length > 0 ? Math.max(0, Math.min(...times)) : undefined };
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function desired(expected: number, minAvailable: IntOrString | undefined, maxUnavailable: IntOrString | undefined): number {
  if (maxUnavailable !== undefined) return Math.max(0, expected - resolve(maxUnavailable, expected, Math.ceil));
  return minAvailable === undefined ? 0 : resolve(minAvailable, expected, Math.ceil);
}

/** Evicted pods that have not begun to go yet. */
function stillDisrupted({ status }: PodDisruptionBudget, pods: readonly Pod[], now: number): Readonly<Record<string, string>> {
  const living = new Map(pods.filter((pod) => !pod.metadata.deletionTimestamp).map((pod) => [pod.metadata.name, pod]));
  const kept = Object.entries(status?.disruptedPods ?? {}).filter(
    ([name, time]) => living.has(name) && Date.parse(time) + disruptionTimeoutMs > now,
  );
  return Object.fromEntries(kept);
}

function condition(budget: PodDisruptionBudget, spare: number, now: number): Condition {
  const status = spare > 0 ? 'True' : 'False';
  const known = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const lastTransitionTime = known?.status === status ? known.lastTransitionTime : new Date(now).toISOString().replace(/\.\d+/, '');
  return {
    type: 'DisruptionAllowed',
    status,
    reason: spare > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime,
    observedGeneration: budget.metadata.generation,
  };
}
