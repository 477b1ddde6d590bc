import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf, type JsonObject } from '../json.ts';
import { autoscalerStrategy } from './autoscalers.ts';
import { cronJobStrategy } from './cron-jobs.ts';
import { daemonSetStrategy } from './daemon-sets.ts';
import { disruptionBudgetStrategy } from './disruption-budgets.ts';
import { jobStrategy } from './jobs.ts';
import { priorityClassStrategy } from './priority-classes.ts';
import { replicationControllerStrategy } from './replication-controllers.ts';
import { ourselves } from '../access/user.ts';
import type { Body, Strategy } from './strategy.ts';

const podSpec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] };
const body = (kind: string, spec: JsonObject, name = 'x'): Body => ({ apiVersion: 'v1', kind, metadata: { name, uid: 'u1' }, spec });
const made = (strategy: Strategy, object: Body): Body => strategy.prepareForCreate(strategy.defaults(object), ourselves);
const causes = (strategy: Strategy, object: Body): readonly string[] =>
  strategy.validate(made(strategy, object)).map(({ field, message }) => `${field}: ${message}`);
const job = (spec: JsonObject = {}, pod: JsonObject = podSpec): Body => body('Job', { template: { spec: pod }, ...spec });

test('a Job gets its defaults and a selector of its own', () => {
  const { spec = {}, metadata } = made(jobStrategy, job());
  const { template, ...rest } = spec;
  assert.deepEqual(rest, {
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    completions: 1,
    manualSelector: false,
    parallelism: 1,
    podReplacementPolicy: 'TerminatingOrFailed',
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
    suspend: false,
  });
  const labels = {
    'batch.kubernetes.io/controller-uid': 'u1',
    'controller-uid': 'u1',
    'batch.kubernetes.io/job-name': 'x',
    'job-name': 'x',
  };
  assert.deepEqual(objectOf(objectOf(template)['metadata'])['labels'], labels);
  assert.deepEqual(metadata.labels, labels);
  assert.deepEqual(causes(jobStrategy, job()), []);
  assert.equal(made(jobStrategy, job({ completions: 2 })).spec?.['parallelism'], 1);
  assert.equal(made(jobStrategy, job({ parallelism: 2 })).spec?.['completions'], undefined);
});

test('what is wrong with a Job, in upstream’s words', () => {
  const wrong = (spec: JsonObject, pod: JsonObject = podSpec): readonly string[] => causes(jobStrategy, job(spec, pod));
  assert.deepEqual(wrong({}, { containers: podSpec.containers }), [
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
  assert.deepEqual(wrong({ parallelism: -1 }), ['spec.parallelism: Invalid value: -1: must be greater than or equal to 0']);
  assert.deepEqual(wrong({ completionMode: 'Indexed', parallelism: 1 }), [
    'spec.completions: Required value: when completion mode is Indexed',
  ]);
  assert.deepEqual(wrong({ backoffLimitPerIndex: 1 }), ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode']);
  const rules = [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [0] } }];
  assert.deepEqual(wrong({ podFailurePolicy: { rules } }), [
    'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
    'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
  ]);
});

test('a Job’s template and completions are fixed, but elastic indexed Jobs may change size', () => {
  const changed = (before: Body, change: JsonObject): readonly string[] => {
    const old = made(jobStrategy, before);
    return jobStrategy.validateUpdate({ ...old, spec: { ...old.spec, ...change } }, old).map(({ field }) => field);
  };
  assert.deepEqual(changed(job(), { completions: 2 }), ['spec.completions']);
  assert.deepEqual(changed(job(), { parallelism: 3, suspend: true }), []);
  assert.deepEqual(changed(job(), { template: {} }), ['spec.template']);
  assert.deepEqual(changed(job({ completionMode: 'Indexed', completions: 2, parallelism: 2 }), { completions: 3, parallelism: 3 }), []);
});

test('CronJobs: defaults, schedules, time zones', () => {
  const cron = (spec: JsonObject): Body => body('CronJob', { jobTemplate: { spec: { template: { spec: podSpec } } }, ...spec });
  const { jobTemplate: _template, ...rest } = made(cronJobStrategy, cron({ schedule: '* * * * *' })).spec ?? {};
  assert.deepEqual(rest, {
    concurrencyPolicy: 'Allow',
    failedJobsHistoryLimit: 1,
    schedule: '* * * * *',
    successfulJobsHistoryLimit: 3,
    suspend: false,
  });
  const wrong = (spec: JsonObject): readonly string[] => causes(cronJobStrategy, cron(spec));
  for (const schedule of ['*/5 * * * *', '@hourly', '0 22 * * 1-5', '@every 5s']) assert.deepEqual(wrong({ schedule }), [], schedule);
  assert.deepEqual(wrong({}), ['spec.schedule: Required value']);
  assert.match(wrong({ schedule: '61 * * * *' })[0] ?? '', /^spec\.schedule: Invalid value: "61 \* \* \* \*": /);
  assert.deepEqual(wrong({ schedule: '* * * * *', timeZone: 'Mars/Base' }), [
    'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
  ]);
  assert.deepEqual(wrong({ schedule: '* * * * *', concurrencyPolicy: 'Maybe' }), [
    'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
  ]);
});

test('DaemonSets roll with one pod down at a time unless told otherwise', () => {
  const labels = { app: 'agent' };
  const template = { metadata: { labels }, spec: { containers: podSpec.containers } };
  const set = (updateStrategy?: JsonObject): Body =>
    body('DaemonSet', { selector: { matchLabels: labels }, template, ...(updateStrategy && { updateStrategy }) });
  assert.deepEqual(made(daemonSetStrategy, set()).spec?.['updateStrategy'], {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
  const rolling = (rollingUpdate: JsonObject): readonly string[] =>
    causes(daemonSetStrategy, set({ type: 'RollingUpdate', rollingUpdate }));
  assert.deepEqual(rolling({ maxSurge: 1, maxUnavailable: 0 }), []);
  assert.deepEqual(rolling({ maxSurge: 1 }), [
    'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
  ]);
  assert.deepEqual(rolling({ maxUnavailable: 0 }), [
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when maxSurge is 0',
  ]);
});

test('ReplicationControllers select by the labels of their template', () => {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: podSpec.containers } };
  const { spec, metadata } = made(replicationControllerStrategy, body('ReplicationController', { template }));
  assert.deepEqual([spec?.['selector'], metadata.labels, spec?.['replicas']], [{ app: 'x' }, { app: 'x' }, 1]);
  assert.deepEqual(causes(replicationControllerStrategy, body('ReplicationController', {})), [
    'spec.selector: Required value',
    'spec.template: Required value',
  ]);
});

test('budgets, priorities and autoscalers', () => {
  const budget = (spec: JsonObject): readonly string[] => causes(disruptionBudgetStrategy, body('PodDisruptionBudget', spec));
  assert.match(budget({ minAvailable: 1, maxUnavailable: 1 })[0] ?? '', /minAvailable and maxUnavailable cannot be both set$/);
  assert.deepEqual(budget({ minAvailable: '101%' }), ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%']);
  const priority = (name: string, value: number): readonly string[] =>
    causes(priorityClassStrategy, { apiVersion: 'v1', kind: 'PriorityClass', metadata: { name }, value });
  assert.deepEqual(priority('high', 1_000_000), []);
  assert.deepEqual(priority('high', 2_000_000_000), ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000']);
  assert.deepEqual(priority('system-mine', 1), [
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only",
  ]);
  const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' };
  const scaler = (spec: JsonObject): Body => body('HorizontalPodAutoscaler', { scaleTargetRef, ...spec });
  assert.deepEqual(causes(autoscalerStrategy, scaler({ maxReplicas: 3, minReplicas: 5 })), [
    'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ]);
  assert.deepEqual(made(autoscalerStrategy, scaler({ maxReplicas: 3 })).spec?.['metrics'], [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
  ]);
});
