import type { Job, JobCondition, JobStatus, Pod } from '../../../api/kubernetes/types.generated.ts';
import { isReady } from '../pod-facts.ts';
import { type Accounts, accountFields, accountsOf, failuresBefore, totalSucceeded } from './accounts.ts';
import { judge } from './failure-policy.ts';
import {
  finishedAt,
  hasFailedByItself,
  hasSucceeded,
  indexOf,
  isGoing,
  isIndexed,
  isOver,
  isRunning,
  isTracked,
  jobPod,
  replacesFailedOnly,
} from './job-pods.ts';
import { outcomeOf } from './outcome.ts';

export interface JobPlan {
  readonly create: readonly Pod[];
  /** Unfinished pods that are not wanted any longer: they are not to be counted as failed. */
  readonly remove: readonly Pod[];
  /** Pods whose finalizer comes off once `status` is written. */
  readonly release: readonly Pod[];
  readonly status: JobStatus;
  /** When time alone changes something. */
  readonly againAfterMs: number | undefined;
}

const firstBackoffMs = 10_000;
const maxBackoffMs = 600_000;
/** Pods per reconcile at most. */
const burst = 500;

/** Pure. `pods`: those controlled by the Job. `now` in ms since the epoch. */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const accounts = accountsOf(job, pods);
  const running = pods.filter(isRunning);
  if (isFinished(job)) {
    const status = { ...job.status, uncountedTerminatedPods: job.status?.uncountedTerminatedPods };
    return { create: [], remove: running, release: pods.filter(isTracked), status, againAfterMs: undefined };
  }
  const isSuspended = job.spec?.suspend === true;
  const startTime = isSuspended ? undefined : (job.status?.startTime ?? stamp(now));
  const started: Job = { ...job, status: { ...job.status, startTime } };
  const outcome = outcomeOf(started, pods, accounts, now);
  const change: Change = outcome || isSuspended ? { create: [], remove: running } : sized(started, pods, accounts, now);
  const active = running.length - change.remove.length + change.create.length;
  const terminating = pods.filter((pod) => isGoing(pod) && !isOver(pod)).length + (outcome || isSuspended ? change.remove.length : 0);
  const isSettled = Object.keys(accounts.uncounted).length === 0 && accounts.settled.length === 0;
  const isDone = outcome !== undefined && active === 0 && terminating === 0 && isSettled;
  const conditions = conditionsOf(started, outcome, isDone, now);
  const deadline = outcome ? undefined : deadlineIn(started, now);
  return {
    create: change.create,
    remove: change.remove,
    release: [...accounts.settled, ...(job.metadata.deletionTimestamp ? pods.filter(isTracked) : [])],
    status: {
      ...(startTime && { startTime }),
      ...(conditions.length > 0 && { conditions }),
      ...(active > 0 && { active }),
      ...(isDone && outcome.type === 'SuccessCriteriaMet' && { completionTime: stamp(now) }),
      ready: running.filter((pod) => isReady(pod) && !change.remove.includes(pod)).length,
      terminating,
      ...accountFields(job, accounts),
    },
    againAfterMs: earliest(deadline, change.waitMs),
  };
}

export function isFinished(job: Job): boolean {
  return job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
}

interface Change {
  readonly create: readonly Pod[];
  readonly remove: readonly Pod[];
  readonly waitMs?: number;
}

/** As many pods as parallelism and what is left to do ask for; failed ones are replaced after a back-off. */
function sized(job: Job, pods: readonly Pod[], accounts: Accounts, now: number): Change {
  if (job.metadata.deletionTimestamp) return { create: [], remove: [] };
  const running = pods.filter(isRunning);
  const wanted = wantedPods(job, running.length, accounts);
  if (running.length > wanted) return { create: [], remove: surplus(job, running, accounts).slice(0, running.length - wanted) };
  const ending = replacesFailedOnly(job) ? pods.filter((pod) => isGoing(pod) && !isOver(pod)) : [];
  const room = Math.min(burst, wanted - running.length - ending.length);
  if (!isIndexed(job)) return unindexed(job, pods, room, now);
  const stale = running.filter((pod) => accounts.completedIndexes.has(indexOf(pod)) || indexOf(pod) >= (job.spec?.completions ?? 0));
  return { ...indexed(job, pods, ending, accounts, room, now), remove: stale };
}

function wantedPods(job: Job, active: number, accounts: Accounts): number {
  const { completions, parallelism = 1 } = job.spec ?? {};
  if (completions === undefined) return totalSucceeded(accounts) > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.max(0, Math.min(parallelism, completions - totalSucceeded(accounts) - accounts.failedIndexes.size));
}

/** Those that got least far go first; of indexed ones the doubles and the highest. */
function surplus(job: Job, running: readonly Pod[], accounts: Accounts): readonly Pod[] {
  const rank = (pod: Pod): readonly number[] => [
    isIndexed(job) && accounts.completedIndexes.has(indexOf(pod)) ? 0 : 1,
    pod.spec?.nodeName ? 1 : 0,
    pod.status?.phase === 'Running' ? 1 : 0,
    isReady(pod) ? 1 : 0,
    -indexOf(pod),
    -Date.parse(pod.metadata.creationTimestamp ?? ''),
  ];
  return running.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
  });
}

function unindexed(job: Job, pods: readonly Pod[], room: number, now: number): Change {
  const waitMs = room > 0 ? backoffLeft(job, pods, now) : 0;
  if (waitMs > 0) return { create: [], remove: [], waitMs };
  return { create: Array.from({ length: Math.max(0, room) }, () => jobPod(job, undefined, 0)), remove: [] };
}

/** The lowest indexes that are neither done nor given up nor being worked on. */
function indexed(job: Job, pods: readonly Pod[], ending: readonly Pod[], accounts: Accounts, room: number, now: number): Change {
  const busy = new Set([...pods.filter(isRunning), ...ending].map(indexOf));
  const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const shared = perIndex ? 0 : backoffLeft(job, pods, now);
  const create: Pod[] = [];
  let waitMs: number | undefined;
  for (let index = 0; index < (job.spec?.completions ?? 0) && create.length < room; index++) {
    if (busy.has(index) || accounts.completedIndexes.has(index) || accounts.failedIndexes.has(index)) continue;
    const own = pods.filter((pod) => indexOf(pod) === index);
    const left = perIndex ? backoffLeft(job, own, now) : shared;
    if (left > 0) waitMs = earliest(waitMs, left);
    else create.push(jobPod(job, index, failures(job, own)));
  }
  return { create, remove: [], ...(waitMs !== undefined && { waitMs }) };
}

/** Failures of an index so far, as its newest pod tells. */
function failures(job: Job, own: readonly Pod[]): number {
  const counts = own
    .filter((pod) => hasFailedByItself(pod, job))
    .map((pod) => failuresBefore(pod) + (judge(job, pod).action === 'Ignore' ? 0 : 1));
  return Math.max(0, ...counts);
}

/** 10 s after the first failure since the last success, doubling up to 10 min; ms left. */
function backoffLeft(job: Job, pods: readonly Pod[], now: number): number {
  const lastSuccess = Math.max(0, ...pods.filter(hasSucceeded).map(finishedAt));
  const ends = pods
    .filter((pod) => hasFailedByItself(pod, job))
    .map(finishedAt)
    .filter((time) => time > lastSuccess);
  if (ends.length === 0) return 0;
  const pause = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (ends.length - 1));
  return Math.max(0, Math.max(...ends) + pause - now);
}

function conditionsOf(job: Job, outcome: ReturnType<typeof outcomeOf>, isDone: boolean, now: number): readonly JobCondition[] {
  let conditions = job.status?.conditions ?? [];
  const suspended = job.spec?.suspend === true;
  const known = conditions.find(({ type }) => type === 'Suspended');
  if (suspended && !outcome) conditions = withCondition(conditions, 'Suspended', 'True', 'JobSuspended', 'Job suspended', now);
  else if (known?.status === 'True') conditions = withCondition(conditions, 'Suspended', 'False', 'JobResumed', 'Job resumed', now);
  if (!outcome) return conditions;
  const { type, reason, message } = outcome;
  conditions = withCondition(conditions, type, 'True', reason, message, now);
  const last = type === 'FailureTarget' ? 'Failed' : 'Complete';
  return isDone ? withCondition(conditions, last, 'True', reason, message, now) : conditions;
}

function withCondition(
  before: readonly JobCondition[],
  type: string,
  status: string,
  reason: string,
  message: string,
  now: number,
): readonly JobCondition[] {
  const known = before.find((one) => one.type === type);
  if (known?.status === status) return before;
  const time = stamp(now);
  return [...before.filter((one) => one.type !== type), { type, status, reason, message, lastProbeTime: time, lastTransitionTime: time }];
}

function deadlineIn(job: Job, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || job.spec?.suspend) return undefined;
  return Math.max(0, Date.parse(job.status?.startTime ?? '') + seconds * 1000 - now);
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function stamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+/, '');
}
