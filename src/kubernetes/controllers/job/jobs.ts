import { jobs, pods } from '../../../api/kubernetes/kinds.ts';
import type { Job, Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client } from '../../client/client.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { controllerOf } from '../pod-facts.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { createPods, deletePods } from '../slow-start.ts';
import { isTracked, nameOf, trackingFinalizer } from './job-pods.ts';
import { isFinished, planJob } from './plan.ts';

const ownManager = 'kubernetes.io/job-controller';

/** Runs pods to completion. */
export const jobController: Reconciler = {
  name: 'job-controller',
  triggers: [
    { kind: jobs, keysOf: ownKey },
    { kind: pods, keysOf: controllerKey('Job') },
  ],
  async reconcile(context, key) {
    const { client, now } = context;
    const job = await getIfExists(client, jobs, key);
    if (!job) return releaseOrphans(client, key.namespace, key.name);
    if (!job.spec || (job.spec.managedBy !== undefined && job.spec.managedBy !== ownManager)) return undefined;
    const owned = await claimOwned(client, job, pods, job.spec.selector);
    const plan = planJob(job, owned, now());
    // Written before any finalizer comes off: what ended is counted even if its pod vanishes the moment after.
    const current = isEqual(plan.status, job.status) ? job : await client.update(jobs, { ...job, status: plan.status }, 'status');
    tell(context, job, current);
    for (const pod of plan.release) await release(client, pod);
    for (const pod of plan.remove) await release(client, pod);
    await deletePods(context, job, plan.remove.map(nameOf));
    const failure = await createPods(context, job, plan.create);
    if (failure) throw new Error(failure.message);
    return plan.againAfterMs === undefined ? undefined : { requeueAfterMs: plan.againAfterMs };
  },
};

/** Takes the finalizer off; a pod that changed meanwhile comes again. */
async function release(client: Client, pod: Pod): Promise<void> {
  if (!isTracked(pod)) return;
  const finalizers = (pod.metadata.finalizers ?? []).filter((one) => one !== trackingFinalizer);
  const left = finalizers.length > 0 ? finalizers : undefined;
  await client.update(pods, { ...pod, metadata: { ...pod.metadata, finalizers: left } }).catch((error: unknown) => {
    if (!isKind(error, 'notFound')) throw error;
  });
}

/** Pods of a Job that is gone: nobody counts them any more. */
async function releaseOrphans(client: Client, namespace: string | undefined, name: string): Promise<undefined> {
  const { items } = await client.list(pods, { namespace });
  for (const pod of items) {
    const owner = controllerOf(pod);
    const isOrphan = owner === undefined || (owner.kind === 'Job' && owner.name === name);
    if (isOrphan && isTracked(pod)) await release(client, pod);
  }
  return undefined;
}

function tell({ record }: Context, before: Job, after: Job): void {
  const has = (job: Job, type: string, status = 'True'): boolean =>
    job.status?.conditions?.some((one) => one.type === type && one.status === status) === true;
  const isNew = (type: string, status?: string): boolean => has(after, type, status) && !has(before, type, status);
  if (isNew('Suspended')) record(before, 'Normal', 'Suspended', 'Job suspended');
  if (isNew('Suspended', 'False')) record(before, 'Normal', 'Resumed', 'Job resumed');
  if (isFinished(before) || !isFinished(after)) return;
  if (has(after, 'Complete')) return record(before, 'Normal', 'Completed', 'Job completed');
  const failed = after.status?.conditions?.find(({ type }) => type === 'Failed');
  record(before, 'Warning', failed?.reason ?? 'Failed', failed?.message ?? '');
}
