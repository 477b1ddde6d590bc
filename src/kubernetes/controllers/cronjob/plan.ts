import { parseSchedule } from '../../../api/kubernetes/cron-schedule.ts';
import type { CronJob, Job, ObjectReference } from '../../../api/kubernetes/types.generated.ts';
import { controllerReference } from '../pod-facts.ts';

export interface CronJobPlan {
  readonly create: Job | undefined;
  /** The time that `create` was due, in ms since the epoch. */
  readonly dueAt: number | undefined;
  /** Running Jobs that the new one replaces. */
  readonly replace: readonly Job[];
  /** Finished Jobs beyond the history limits. */
  readonly forget: readonly Job[];
  readonly active: readonly ObjectReference[];
  readonly lastSuccessfulTime: string | undefined;
  readonly events: readonly (readonly ['Normal' | 'Warning', string, string])[];
  readonly againAfterMs: number | undefined;
}

export const scheduledKey = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Pure. `owned`: the Jobs controlled by the CronJob; `now` in ms since the epoch. */
export function planCronJob(cron: CronJob, owned: readonly Job[], now: number): CronJobPlan {
  const running = owned.filter((job) => !endOf(job));
  const base = {
    create: undefined,
    dueAt: undefined,
    replace: [],
    forget: surplus(cron, owned),
    active: running.filter((job) => !job.metadata.deletionTimestamp).map(referenceTo),
    lastSuccessfulTime: lastSuccess(cron, owned),
    events: [],
    againAfterMs: undefined,
  } satisfies CronJobPlan;
  if (cron.spec?.suspend || cron.metadata.deletionTimestamp) return base;
  const { due, missed, next } = timesOf(cron, now);
  const againAfterMs = next === undefined ? undefined : Math.max(0, next - now) + 100;
  const waiting = { ...base, againAfterMs };
  if (due === undefined) return waiting;
  const events: CronJobPlan['events'] = missed > 100 ? [tooMany] : [];
  const deadline = cron.spec?.startingDeadlineSeconds;
  const late = deadline !== undefined && due + deadline * 1000 < now;
  if (late)
    return { ...waiting, events: [...events, ['Warning', 'MissSchedule', `Missed scheduled time to start a job: ${rfc1123(due)}`]] };
  const name = jobName(cron, due);
  // Started before, but the status was not written: this due time is done.
  if (owned.some((job) => job.metadata.name === name)) return { ...waiting, events, dueAt: due };
  if (cron.spec?.concurrencyPolicy === 'Forbid' && running.length > 0) {
    const text = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { ...waiting, events: [...events, ['Normal', 'JobAlreadyActive', text]] };
  }
  const replace = cron.spec?.concurrencyPolicy === 'Replace' ? running : [];
  return { ...waiting, events, create: jobFor(cron, due), dueAt: due, replace, active: replace.length > 0 ? [] : base.active };
}

const tooMany = [
  'Warning',
  'TooManyMissedTimes',
  'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
] as const;

/** The newest time that is due and not started, how many were missed, and the first in the future. */
function timesOf(cron: CronJob, now: number): { readonly due?: number; readonly missed: number; readonly next?: number } {
  const { schedule = '', timeZone, startingDeadlineSeconds } = cron.spec ?? {};
  const times = parseSchedule(schedule, timeZone);
  const last = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '');
  const from = startingDeadlineSeconds === undefined ? last : Math.max(last, now - startingDeadlineSeconds * 1000);
  let [due, missed, at] = [undefined as number | undefined, 0, times.next(from)];
  for (; at !== undefined && at <= now; at = times.next(at)) {
    due = at;
    missed++;
    // A clock that jumped by years: what matters is the newest due time, not each one between.
    if (missed === 1000) {
      at = times.next(now - 24 * 3600 * 1000);
      if (at === undefined) break;
    }
  }
  return { ...(due !== undefined && { due }), missed, ...(at !== undefined && { next: at }) };
}

/** The due time in minutes: made twice, it has the same name. */
function jobName(cron: CronJob, due: number): string {
  return `${cron.metadata.name}-${Math.floor(due / 60_000)}`;
}

function jobFor(cron: CronJob, due: number): Job {
  const template = cron.spec?.jobTemplate;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      namespace: cron.metadata.namespace,
      name: jobName(cron, due),
      labels: template?.metadata?.labels,
      annotations: { ...template?.metadata?.annotations, [scheduledKey]: inZone(due, cron.spec?.timeZone) },
      ownerReferences: [controllerReference(cron)],
    },
    spec: template?.spec,
  };
}

/** RFC 3339 with the zone's offset, as upstream writes it. */
function inZone(ms: number, zone: string | undefined): string {
  if (zone === undefined || zone === 'UTC') return stamp(ms);
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  const local = format.format(ms).replace(' ', 'T');
  const minutes = Math.round((Date.parse(`${local}Z`) - ms) / 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return minutes === 0 ? `${local}Z` : `${local}${offset}`;
}

export function endOf(job: Job): 'Complete' | 'Failed' | undefined {
  const found = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  return found?.type as 'Complete' | 'Failed' | undefined;
}

function surplus(cron: CronJob, owned: readonly Job[]): readonly Job[] {
  const { successfulJobsHistoryLimit: good = 3, failedJobsHistoryLimit: bad = 1 } = cron.spec ?? {};
  const oldest = (end: string, limit: number): readonly Job[] => {
    const ended = owned.filter((job) => endOf(job) === end && !job.metadata.deletionTimestamp).toSorted(byStart);
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...oldest('Complete', good), ...oldest('Failed', bad)];
}

function byStart(a: Job, b: Job): number {
  const key = (job: Job): string => `${job.status?.startTime ?? ''} ${job.metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}

function lastSuccess(cron: CronJob, owned: readonly Job[]): string | undefined {
  const times = owned.flatMap((job) => (endOf(job) === 'Complete' ? (job.status?.completionTime ?? []) : []));
  return [...times, ...(cron.status?.lastSuccessfulTime ? [cron.status.lastSuccessfulTime] : [])].toSorted().at(-1);
}

export function referenceTo({ metadata }: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', namespace, name, uid, resourceVersion };
}

export function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '');
}

/** `Thu, 01 Jan 2026 00:00:00 +0000` */
function rfc1123(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
