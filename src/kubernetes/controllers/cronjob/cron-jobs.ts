import { cronJobs, jobs } from '../../../api/kubernetes/kinds.ts';
import type { CronJob, CronJobStatus, Job, ObjectReference } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { controllerOf } from '../pod-facts.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { type CronJobPlan, planCronJob, referenceTo, stamp } from './plan.ts';

/** Starts Jobs when they are due. */
export const cronJobController: Reconciler = {
  name: 'cronjob-controller',
  triggers: [
    { kind: cronJobs, keysOf: ownKey },
    { kind: jobs, keysOf: controllerKey('CronJob') },
  ],
  async reconcile(context, key) {
    const { client, now, record } = context;
    const cron = await getIfExists(client, cronJobs, key);
    if (!cron?.spec) return undefined;
    const { items } = await client.list(jobs, { namespace: key.namespace, controlledBy: cron.metadata.uid });
    const owned = items.filter((job) => controllerOf(job)?.uid === cron.metadata.uid);
    const plan = planCronJob(cron, owned, now());
    for (const event of plan.events) record(cron, ...event);
    for (const job of plan.forget) await remove(context, cron, job);
    for (const job of plan.replace) await remove(context, cron, job);
    const made = plan.create && (await start(context, cron, plan.create));
    const status = statusOf(cron, plan, made);
    if (!isEqual(status, cron.status)) await client.update(cronJobs, { ...cron, status }, 'status');
    return plan.againAfterMs === undefined ? undefined : { requeueAfterMs: plan.againAfterMs };
  },
};

async function start({ client, record }: Context, cron: CronJob, job: Job): Promise<ObjectReference | undefined> {
  try {
    const made = await client.create(jobs, job);
    record(cron, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    return referenceTo(made);
  } catch (error) {
    if (isKind(error, 'alreadyExists')) return undefined;
    record(cron, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
    throw error;
  }
}

async function remove({ client, record }: Context, cron: CronJob, { metadata }: Job): Promise<void> {
  const { namespace, name = '', uid } = metadata;
  await client.delete(jobs, { namespace, name }, { uid, propagationPolicy: 'Background' }).catch((error: unknown) => {
    if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
  });
  record(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
}

function statusOf(cron: CronJob, plan: CronJobPlan, made: ObjectReference | undefined): CronJobStatus {
  // Versions of running Jobs move all the time; a reference keeps the one that it was written with.
  const before = new Map(cron.status?.active?.map((one) => [one.uid, one]));
  const active = [...plan.active.map((one) => before.get(one.uid) ?? one), ...(made ? [made] : [])];
  const lastScheduleTime = plan.dueAt === undefined ? cron.status?.lastScheduleTime : stamp(plan.dueAt);
  return {
    ...(active.length > 0 && { active }),
    ...(lastScheduleTime && { lastScheduleTime }),
    ...(plan.lastSuccessfulTime && { lastSuccessfulTime: plan.lastSuccessfulTime }),
  };
}
