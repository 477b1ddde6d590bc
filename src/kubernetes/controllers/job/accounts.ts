import type { Job, Pod, UncountedTerminatedPods } from '../../../api/kubernetes/types.generated.ts';
import { judge } from './failure-policy.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { failureCountKey, hasFailed, hasSucceeded, indexOf, isIndexed, isTracked, uidOf } from './job-pods.ts';

/**
 * How a Job's pods ended, each counted exactly once although a pod may be deleted at any moment:
 *
 *   pod ends, held by the finalizer ─► its UID is written to status.uncountedTerminatedPods ─► its finalizer is taken off
 *     ─► the UID moves into status.succeeded / status.failed
 *
 * Dying between any two steps repeats the rest.
 */
export interface Accounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: UncountedTerminatedPods;
  /** Indexed Jobs only. */
  readonly completedIndexes: ReadonlySet<number>;
  readonly failedIndexes: ReadonlySet<number>;
  /** Pods whose end is written down as soon as these accounts are: their finalizer may go. */
  readonly settled: readonly Pod[];
}

/** Counted and still to be counted. */
export const totalFailed = ({ failed, uncounted }: Accounts): number => failed + (uncounted.failed?.length ?? 0);
export const totalSucceeded = ({ succeeded, uncounted }: Accounts): number => succeeded + (uncounted.succeeded?.length ?? 0);

/** Pure. What the status says, brought up to date by the pods there are. */
export function accountsOf(job: Job, pods: readonly Pod[]): Accounts {
  const { status } = job;
  const held = new Set(pods.filter(isTracked).map(uidOf));
  const before = status?.uncountedTerminatedPods ?? {};
  const released = (uids: readonly string[] = []): number => uids.filter((uid) => !held.has(uid)).length;
  const waiting = (uids: readonly string[] = []): readonly string[] => uids.filter((uid) => held.has(uid));
  const ended = pods.filter((pod) => isTracked(pod) && (hasSucceeded(pod) || hasFailed(pod, job)));
  const known = new Set([...(before.succeeded ?? []), ...(before.failed ?? [])]);
  const fresh = ended.filter((pod) => !known.has(uidOf(pod)));
  const failed = fresh.filter((pod) => !hasSucceeded(pod) && judge(job, pod).action !== 'Ignore').map(uidOf);
  const indexes = isIndexed(job) ? indexesOf(job, ended) : { completed: new Set<number>(), failed: new Set<number>() };
  const succeeded = isIndexed(job) ? [] : fresh.filter(hasSucceeded).map(uidOf);
  return {
    succeeded: isIndexed(job) ? indexes.completed.size : (status?.succeeded ?? 0) + released(before.succeeded),
    failed: (status?.failed ?? 0) + released(before.failed),
    uncounted: listsOf([...waiting(before.succeeded), ...succeeded], [...waiting(before.failed), ...failed]),
    completedIndexes: indexes.completed,
    failedIndexes: indexes.failed,
    settled: ended,
  };
}

function listsOf(succeeded: readonly string[], failed: readonly string[]): UncountedTerminatedPods {
  return { ...(succeeded.length > 0 && { succeeded }), ...(failed.length > 0 && { failed }) };
}

function indexesOf(job: Job, ended: readonly Pod[]): { completed: ReadonlySet<number>; failed: ReadonlySet<number> } {
  const completions = job.spec?.completions ?? 0;
  const of = (chosen: readonly Pod[]): readonly number[] => chosen.map(indexOf).filter((index) => index >= 0 && index < completions);
  const completed = new Set([...parseIndexes(job.status?.completedIndexes ?? '', completions), ...of(ended.filter(hasSucceeded))]);
  const limit = job.spec?.backoffLimitPerIndex;
  if (limit === undefined) return { completed, failed: new Set() };
  const given = ended.filter((pod) => !hasSucceeded(pod) && isLast(job, pod, limit));
  const failed = new Set([...parseIndexes(job.status?.failedIndexes ?? '', completions), ...of(given)]);
  return { completed, failed: failed.difference(completed) };
}

/** The failure that its index does not survive. */
function isLast(job: Job, pod: Pod, limit: number): boolean {
  const { action } = judge(job, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && failuresBefore(pod) >= limit;
}

/** Failures of its index before this pod. */
export function failuresBefore(pod: Pod): number {
  return Number(pod.metadata.annotations?.[failureCountKey] ?? 0);
}

/** The status fields that hold these accounts. */
export function accountFields(job: Job, accounts: Accounts): object {
  const { succeeded, failed, uncounted: waiting, completedIndexes, failedIndexes } = accounts;
  return {
    ...(succeeded > 0 && { succeeded }),
    ...(failed > 0 && { failed }),
    uncountedTerminatedPods: waiting,
    ...(isIndexed(job) && completedIndexes.size > 0 && { completedIndexes: formatIndexes(completedIndexes) }),
    ...(job.spec?.backoffLimitPerIndex !== undefined && { failedIndexes: formatIndexes(failedIndexes) }),
  };
}
