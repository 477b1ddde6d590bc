import { jobs } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/** Deletes finished Jobs after their spec.ttlSecondsAfterFinished, with their pods. */
export const jobTtlController: Reconciler = {
  name: 'ttl-after-finished-controller',
  triggers: [{ kind: jobs, keysOf: ownKey }],
  async reconcile({ client, now }, key) {
    const job = await getIfExists(client, jobs, key);
    const ttl = job?.spec?.ttlSecondsAfterFinished;
    if (!job || ttl === undefined || job.metadata.deletionTimestamp) return undefined;
    const end = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
    if (!end) return undefined;
    const left = Date.parse(end.lastTransitionTime ?? '') + ttl * 1000 - now();
    if (left > 0) return { requeueAfterMs: left };
    await client.delete(jobs, key, { uid: job.metadata.uid, propagationPolicy: 'Foreground' }).catch((error: unknown) => {
      if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
    });
    return undefined;
  },
};
