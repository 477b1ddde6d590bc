import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CronJob, CronJobSpec, CronJobStatus, Job } from '../../../api/kubernetes/types.generated.ts';
import { cronJobs, jobs } from '../../../api/kubernetes/kinds.ts';
import { FakeClient } from '../../client/client.fake.ts';
import { cronJobController } from './cron-jobs.ts';
import { planCronJob, scheduledKey } from './plan.ts';

const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`);

function cron(spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace: 'default', name: 'nightly', uid: 'u1', creationTimestamp: '2026-01-01T00:00:30Z' },
    spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template } }, ...spec },
    status,
  };
}

function job(name: string, end?: 'Complete' | 'Failed', startTime = '2026-01-01T00:00:00Z'): Job {
  const conditions = end ? [{ type: end, status: 'True' }] : [];
  const completionTime = end === 'Complete' ? { completionTime: startTime } : {};
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, uid: name }, status: { conditions, startTime, ...completionTime } };
}

test('starts a Job when it is due, named by the due time, and waits for the next', () => {
  assert.equal(planCronJob(cron(), [], at('00:04:59')).create, undefined);
  assert.equal(planCronJob(cron(), [], at('00:04:59')).againAfterMs, 1100);
  const { create, dueAt, againAfterMs } = planCronJob(cron(), [], at('00:05:01'));
  assert.equal(create?.metadata.name, `nightly-${at('00:05:00') / 60_000}`);
  assert.equal(create?.metadata.annotations?.[scheduledKey], '2026-01-01T00:05:00Z');
  assert.deepEqual([dueAt, againAfterMs], [at('00:05:00'), 299_100]);
});

test('of missed times only the newest is made up for; a deadline forgets old ones', () => {
  const last = { lastScheduleTime: '2026-01-01T00:00:00Z' };
  assert.equal(planCronJob(cron({}, last), [], at('03:02:00')).dueAt, at('03:00:00'));
  assert.equal(planCronJob(cron({ startingDeadlineSeconds: 60 }, last), [], at('03:02:00')).dueAt, undefined);
  const often = cron({ schedule: '* * * * *' }, last);
  assert.equal(planCronJob(often, [], at('03:02:30')).events[0]?.[1], 'TooManyMissedTimes');
  assert.equal(planCronJob(often, [], at('03:02:30')).dueAt, at('03:02:00'));
});

test('time zones', () => {
  const nine = cron({ schedule: '0 9 * * *', timeZone: 'Asia/Tokyo' });
  const { dueAt, create } = planCronJob(nine, [], at('00:00:40') + 24 * 3_600_000);
  assert.equal(dueAt, at('00:00:00') + 24 * 3_600_000);
  assert.equal(create?.metadata.annotations?.[scheduledKey], '2026-01-02T09:00:00+09:00');
});

test('concurrency: allow, forbid, replace', () => {
  const running = [job('nightly-1')];
  const due = at('00:05:01');
  assert(planCronJob(cron({ concurrencyPolicy: 'Allow' }), running, due).create);
  const forbidden = planCronJob(cron({ concurrencyPolicy: 'Forbid' }), running, due);
  assert.deepEqual([forbidden.create, forbidden.events[0]?.[1]], [undefined, 'JobAlreadyActive']);
  const replaced = planCronJob(cron({ concurrencyPolicy: 'Replace' }), running, due);
  assert.deepEqual([replaced.replace.length, replaced.create === undefined], [1, false]);
  assert.equal(planCronJob(cron({ suspend: true }), [], due).create, undefined);
});

test('a Job that was started before the status was written is not started again', () => {
  const due = at('00:05:01');
  const { create, dueAt } = planCronJob(cron(), [job(`nightly-${at('00:05:00') / 60_000}`)], due);
  assert.deepEqual([create, dueAt], [undefined, at('00:05:00')]);
});

test('history limits forget the oldest; the newest success is remembered', () => {
  const ended = ['1', '2', '3', '4', '5'].map((n) => job(n, 'Complete', `2026-01-01T00:0${n}:00Z`));
  const failed = ['6', '7'].map((n) => job(n, 'Failed', `2026-01-01T00:0${n}:00Z`));
  const { forget, lastSuccessfulTime } = planCronJob(cron(), [...ended, ...failed], at('00:00:40'));
  assert.deepEqual(
    forget.map(({ metadata }) => metadata.name),
    ['1', '2', '6'],
  );
  assert.equal(lastSuccessfulTime, '2026-01-01T00:05:00Z');
});

test('reconciled twice it starts one Job and writes nothing the second time', async () => {
  const client = new FakeClient();
  const { spec } = cron();
  const made = await client.create(cronJobs, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace: 'default', name: 'nightly' },
    spec,
  });
  const now = Math.ceil(Date.parse(made.metadata.creationTimestamp ?? '') / 300_000) * 300_000 + 300_001;
  const reconcile = (): Promise<unknown> =>
    cronJobController.reconcile({ client, record: () => undefined, now: () => now }, { namespace: 'default', name: 'nightly' });
  await reconcile();
  await reconcile();
  const { writes } = client;
  await reconcile();
  assert.deepEqual([(await client.list(jobs)).items.length, client.writes], [1, writes]);
  assert.equal((await client.get(cronJobs, { namespace: 'default', name: 'nightly' })).status?.active?.length, 1);
});
