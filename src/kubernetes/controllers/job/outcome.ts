import type { Job, Pod } from '../../../api/kubernetes/types.generated.ts';
import { type Accounts, totalFailed, totalSucceeded } from './accounts.ts';
import { judge } from './failure-policy.ts';
import { parseIndexes } from './indexes.ts';
import { hasFailed, isIndexed, isRunning, isTracked } from './job-pods.ts';

/** What a Job comes to, before its last pods have ended. */
export interface Outcome {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet';
  readonly reason: string;
  readonly message: string;
}

/** Undefined: it goes on. */
export function outcomeOf(job: Job, pods: readonly Pod[], accounts: Accounts, now: number): Outcome | undefined {
  const said = job.status?.conditions?.find(
    (one) => (one.type === 'FailureTarget' || one.type === 'SuccessCriteriaMet') && one.status === 'True',
  );
  if (said) return { type: said.type as Outcome['type'], reason: said.reason ?? '', message: said.message ?? '' };
  return failureOf(job, pods, accounts, now) ?? successOf(job, pods, accounts);
}

const failure = (reason: string, message: string): Outcome => ({ type: 'FailureTarget', reason, message });

function failureOf(job: Job, pods: readonly Pod[], accounts: Accounts, now: number): Outcome | undefined {
  const { backoffLimit = 6, activeDeadlineSeconds, maxFailedIndexes, suspend } = job.spec ?? {};
  const fatal = pods.filter((pod) => isTracked(pod) && hasFailed(pod, job)).map((pod) => judge(job, pod));
  const policy = fatal.find(({ action }) => action === 'FailJob');
  if (policy) return failure('PodFailurePolicy', policy.message);
  if (totalFailed(accounts) > backoffLimit || restartsPast(job, pods, backoffLimit)) {
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const startTime = Date.parse(job.status?.startTime ?? '');
  if (activeDeadlineSeconds !== undefined && !suspend && now - startTime >= activeDeadlineSeconds * 1000) {
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (maxFailedIndexes !== undefined && accounts.failedIndexes.size > maxFailedIndexes) {
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  const done = accounts.failedIndexes.size + accounts.completedIndexes.size;
  const isAllDone = isIndexed(job) && done >= (job.spec?.completions ?? 0);
  return accounts.failedIndexes.size > 0 && isAllDone ? failure('FailedIndexes', 'Job has failed indexes') : undefined;
}

/** With restartPolicy OnFailure containers are restarted in their pod: those restarts count. */
function restartsPast(job: Job, pods: readonly Pod[], limit: number): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const statuses = pods
    .filter(isRunning)
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]);
  const restarts = statuses.reduce((sum, one) => sum + one.restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function successOf(job: Job, pods: readonly Pod[], accounts: Accounts): Outcome | undefined {
  const matched = matchedRule(job, accounts);
  if (matched !== undefined) {
    return { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${matched}` };
  }
  const succeeded = totalSucceeded(accounts);
  const { completions } = job.spec ?? {};
  const isComplete = completions === undefined ? succeeded > 0 && !pods.some(isRunning) : succeeded >= completions;
  if (!isComplete) return undefined;
  return { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

function matchedRule(job: Job, { completedIndexes }: Accounts): number | undefined {
  const rules = job.spec?.successPolicy?.rules ?? [];
  const found = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, job.spec?.completions ?? 0);
    const reached = wanted === undefined ? completedIndexes.size : wanted.filter((index) => completedIndexes.has(index)).length;
    return reached >= (succeededCount ?? wanted?.length ?? Number.POSITIVE_INFINITY);
  });
  return found < 0 ? undefined : found;
}
