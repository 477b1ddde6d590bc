import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobs, pods } from '../../../api/kubernetes/kinds.ts';
import type { Job, JobSpec, Pod } from '../../../api/kubernetes/types.generated.ts';
import { recordingClient } from '../../client/acts.ts';
import { FakeClient } from '../../client/client.fake.ts';
import type { Client } from '../../client/client.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { indexOf } from './job-pods.ts';
import { jobController } from './jobs.ts';
import { jobTtlController } from './ttl.ts';

const namespace = 'default';
const key = { namespace, name: 'work' };

/** A Job whose pods end when they are told to, on a clock that only the test moves. */
class Lab {
  readonly client = new FakeClient();
  now = Date.parse('2026-01-01T00:00:00Z');
  readonly events: string[] = [];

  static async open(spec: Partial<JobSpec> = {}): Promise<Lab> {
    const lab = new Lab();
    const matchLabels = { 'batch.kubernetes.io/controller-uid': 'u' };
    const template = { metadata: { labels: matchLabels }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } };
    const metadata = { ...key };
    const full = { completions: 1, parallelism: 1, selector: { matchLabels }, template, ...spec };
    await lab.client.create(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: full });
    await lab.settle();
    return lab;
  }

  async reconcile(client: Client = this.client): Promise<void> {
    const record = (_about: unknown, _type: string, reason: string): number => this.events.push(reason);
    await jobController.reconcile({ client, record, now: () => this.now }, key);
  }

  /** Until a reconcile writes nothing. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 20; rounds++) {
      const before = this.client.writes;
      await this.reconcile();
      if (this.client.writes === before) return;
    }
    assert.fail('never comes to rest');
  }

  job(): Promise<Job> {
    return this.client.get(jobs, key);
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.client.list(pods)).items;
  }

  async active(): Promise<readonly Pod[]> {
    return (await this.pods()).filter(
      ({ status, metadata }) => !metadata.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded',
    );
  }

  async end(pod: Pod | undefined, code: number, conditions: NonNullable<Pod['status']>['conditions'] = []): Promise<void> {
    assert(pod);
    const finishedAt = new Date(this.now).toISOString();
    const status = {
      phase: code === 0 ? 'Succeeded' : 'Failed',
      conditions,
      containerStatuses: [
        { name: 'c', image: 'x', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: code, finishedAt } } },
      ],
    };
    const name = pod.metadata.name ?? '';
    await this.client.patch(pods, { namespace, name }, { type: 'merge', body: { status } }, 'status');
    await this.settle();
  }

  async change(spec: Partial<JobSpec>): Promise<void> {
    await this.client.patch(jobs, key, { type: 'merge', body: { spec } });
    await this.settle();
  }

  async pass(seconds: number): Promise<void> {
    this.now += seconds * 1000;
    await this.settle();
  }

  async outcome(): Promise<string> {
    const { status } = await this.job();
    const last = status?.conditions?.find(({ type }) => type === 'Complete' || type === 'Failed');
    return `${last?.type ?? 'running'} ${last?.reason ?? ''}`.trim();
  }
}

test('runs parallelism at a time until completions have succeeded', async () => {
  const lab = await Lab.open({ completions: 3, parallelism: 2 });
  assert.equal((await lab.active()).length, 2);
  await lab.end((await lab.active())[0], 0);
  await lab.end((await lab.active())[0], 0);
  assert.equal((await lab.active()).length, 1);
  await lab.end((await lab.active())[0], 0);
  const { status } = await lab.job();
  assert.equal(await lab.outcome(), 'Complete CompletionsReached');
  assert.deepEqual([status?.succeeded, status?.active, status?.uncountedTerminatedPods], [3, undefined, {}]);
  assert.equal(status?.completionTime, '2026-01-01T00:00:00Z');
  assert((await lab.pods()).every(({ metadata }) => (metadata.finalizers ?? []).length === 0));
  assert.deepEqual(lab.events.filter((reason) => reason === 'Completed').length, 1);
});

test('a pod that fails is replaced after ten seconds, then twenty, until the back-off limit', async () => {
  const lab = await Lab.open({ backoffLimit: 2 });
  await lab.end((await lab.active())[0], 1);
  assert.equal((await lab.active()).length, 0);
  await lab.pass(9);
  assert.equal((await lab.active()).length, 0);
  await lab.pass(1);
  assert.equal((await lab.active()).length, 1);
  await lab.end((await lab.active())[0], 1);
  await lab.pass(19);
  assert.equal((await lab.active()).length, 0);
  await lab.pass(1);
  await lab.end((await lab.active())[0], 1);
  assert.equal(await lab.outcome(), 'Failed BackoffLimitExceeded');
  assert.equal((await lab.job()).status?.failed, 3);
});

test('a pod that vanishes between ending and being counted is counted once all the same', async () => {
  const lab = await Lab.open({ completions: 2, parallelism: 1 });
  const [first] = await lab.active();
  const name = first?.metadata.name ?? '';
  await lab.client.patch(pods, { namespace, name }, { type: 'merge', body: { status: { phase: 'Succeeded' } } }, 'status');
  await lab.client.delete(pods, { namespace, name });
  await lab.settle();
  assert.equal((await lab.job()).status?.succeeded, 1);
  assert(!(await lab.pods()).some(({ metadata }) => metadata.name === name));
});

test('dying between any two writes counts nothing twice', async () => {
  for (let writes = 0; writes < 8; writes++) {
    const lab = await Lab.open({ completions: 2, parallelism: 1 });
    const name = (await lab.active())[0]?.metadata.name ?? '';
    await lab.client.patch(pods, { namespace, name }, { type: 'merge', body: { status: { phase: 'Succeeded' } } }, 'status');
    let left = writes;
    const mortal = recordingClient(lab.client, () => {
      if (left-- === 0) throw new Error('killed');
    });
    for (let rounds = 0; rounds < 4; rounds++) await lab.reconcile(mortal).catch(() => undefined);
    await lab.settle();
    assert.deepEqual([(await lab.job()).status?.succeeded, (await lab.active()).length], [1, 1], `after ${writes} writes`);
  }
});

test('an indexed Job runs each index once, lowest first', async () => {
  const lab = await Lab.open({ completionMode: 'Indexed', completions: 3, parallelism: 2 });
  assert.deepEqual((await lab.active()).map(indexOf).toSorted(), [0, 1]);
  const one = (await lab.active()).find((pod) => indexOf(pod) === 1);
  assert.equal(one?.spec?.hostname, 'work-1');
  assert.deepEqual(one?.spec?.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX');
  await lab.end(one, 0);
  assert.deepEqual((await lab.active()).map(indexOf).toSorted(), [0, 2]);
  assert.equal((await lab.job()).status?.completedIndexes, '1');
  for (const index of [0, 2])
    await lab.end(
      (await lab.active()).find((pod) => indexOf(pod) === index),
      0,
    );
  assert.deepEqual([(await lab.job()).status?.completedIndexes, await lab.outcome()], ['0-2', 'Complete CompletionsReached']);
});

test('back-off per index: one index fails for good, the others go on, and the Job fails at the end', async () => {
  const lab = await Lab.open({ completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimit: 100, backoffLimitPerIndex: 1 });
  const at = async (index: number): Promise<Pod | undefined> => (await lab.active()).find((pod) => indexOf(pod) === index);
  await lab.end(await at(0), 1);
  await lab.pass(10);
  assert.equal((await at(0))?.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  await lab.end(await at(0), 1);
  await lab.pass(600);
  assert.equal(await at(0), undefined);
  assert.equal((await lab.job()).status?.failedIndexes, '0');
  assert.equal(await lab.outcome(), 'running');
  await lab.end(await at(1), 0);
  assert.equal(await lab.outcome(), 'Failed FailedIndexes');
});

test('pod failure policy: one exit code fails the Job, a disruption is not counted', async () => {
  const rules = [
    { action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [42] } },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  ];
  const lab = await Lab.open({ podFailurePolicy: { rules }, podReplacementPolicy: 'Failed', backoffLimit: 0 });
  await lab.end((await lab.active())[0], 1, [{ type: 'DisruptionTarget', status: 'True' }]);
  await lab.pass(10);
  assert.equal((await lab.job()).status?.failed, undefined);
  const [next] = await lab.active();
  await lab.end(next, 42);
  assert.equal(await lab.outcome(), 'Failed PodFailurePolicy');
  const message = (await lab.job()).status?.conditions?.find(({ type }) => type === 'Failed')?.message;
  assert.equal(message, `Container c for pod default/${next?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`);
});

test('success policy: enough indexes make the Job succeed, the others are stopped', async () => {
  const lab = await Lab.open({
    completionMode: 'Indexed',
    completions: 3,
    parallelism: 3,
    successPolicy: { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] },
  });
  await lab.end(
    (await lab.active()).find((pod) => indexOf(pod) === 1),
    0,
  );
  assert.equal(await lab.outcome(), 'running');
  await lab.end(
    (await lab.active()).find((pod) => indexOf(pod) === 2),
    0,
  );
  assert.deepEqual([await lab.outcome(), (await lab.active()).length], ['Complete SuccessPolicy', 0]);
});

test('suspended, a Job has no pods and no start time; resumed, it starts anew', async () => {
  const lab = await Lab.open();
  await lab.change({ suspend: true });
  assert.deepEqual([(await lab.active()).length, (await lab.job()).status?.startTime], [0, undefined]);
  assert.equal((await lab.job()).status?.conditions?.[0]?.reason, 'JobSuspended');
  await lab.pass(60);
  await lab.change({ suspend: false });
  assert.deepEqual([(await lab.active()).length, (await lab.job()).status?.startTime], [1, '2026-01-01T00:01:00Z']);
  assert.equal((await lab.job()).status?.failed, undefined);
  assert.deepEqual(
    lab.events.filter((reason) => reason.endsWith('ed')),
    ['Suspended', 'Resumed'],
  );
});

test('an active deadline ends the Job and its pods', async () => {
  const lab = await Lab.open({ activeDeadlineSeconds: 30 });
  await lab.pass(29);
  assert.equal(await lab.outcome(), 'running');
  await lab.pass(1);
  assert.deepEqual([await lab.outcome(), (await lab.active()).length], ['Failed DeadlineExceeded', 0]);
});

test('a work queue is done when one pod has succeeded and the rest have ended', async () => {
  const lab = await Lab.open({ completions: undefined, parallelism: 2 });
  await lab.end((await lab.active())[0], 0);
  assert.equal(await lab.outcome(), 'running');
  assert.equal((await lab.active()).length, 1);
  await lab.end((await lab.active())[0], 0);
  assert.equal(await lab.outcome(), 'Complete CompletionsReached');
});

test('changes of parallelism add and remove pods without counting failures', async () => {
  const lab = await Lab.open({ completions: 5, parallelism: 3 });
  await lab.change({ parallelism: 1 });
  assert.equal((await lab.active()).length, 1);
  await lab.change({ parallelism: 4 });
  assert.equal((await lab.active()).length, 4);
  assert.equal((await lab.job()).status?.failed, undefined);
});

test('replacing only what has failed waits for what is ending', async () => {
  for (const [podReplacementPolicy, expected] of [
    ['Failed', 0],
    ['TerminatingOrFailed', 1],
  ] as const) {
    const lab = await Lab.open({ podReplacementPolicy });
    const [pod] = await lab.active();
    const name = pod?.metadata.name ?? '';
    await lab.client.delete(pods, { namespace, name });
    await lab.reconcile();
    await lab.pass(60);
    assert.equal((await lab.active()).length, expected, podReplacementPolicy);
  }
});

test('pods of a Job that is gone are let go', async () => {
  const lab = await Lab.open();
  await lab.client.delete(jobs, key);
  await lab.settle();
  assert((await lab.pods()).every(({ metadata }) => (metadata.finalizers ?? []).length === 0));
});

test('a finished Job is deleted after its time to live', async () => {
  const lab = await Lab.open({ ttlSecondsAfterFinished: 60 });
  await lab.end((await lab.active())[0], 0);
  const ttl = (): Promise<unknown> => jobTtlController.reconcile({ client: lab.client, record: () => undefined, now: () => lab.now }, key);
  assert.deepEqual(await ttl(), { requeueAfterMs: 60_000 });
  lab.now += 60_000;
  await ttl();
  assert((await lab.job()).metadata.deletionTimestamp);
});

test('indexes as text', () => {
  assert.equal(formatIndexes([7, 1, 3, 4, 5, 9, 10]), '1,3-5,7,9,10');
  assert.deepEqual(parseIndexes('1,3-5,9', 6), [1, 3, 4, 5]);
});
