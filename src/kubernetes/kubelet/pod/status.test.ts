import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodStatus } from '../../../api/kubernetes/types.generated.ts';
import type { ObservedPod } from './observed.ts';
import { appContainer, attemptOf, exitedOf, now, observedOf, podOf } from './pod.fake.ts';
import { statusOf, type StatusFacts } from './status.ts';

function status(pod: Pod, observed: ObservedPod, facts: Partial<StatusFacts> = {}): PodStatus {
  return statusOf(pod, observed, {
    now,
    probes: new Map(),
    waiting: new Map(),
    failure: undefined,
    hostIp: '192.0.2.1',
    podIp: '10.244.0.5',
    messages: new Map(),
    ...facts,
  });
}

const condition = (from: PodStatus, type: string): string | undefined => from.conditions?.find((each) => each.type === type)?.status;

test('a running pod without probes is Running and Ready', () => {
  const result = status(podOf(), observedOf([attemptOf()]));
  assert.equal(result.phase, 'Running');
  assert.equal(condition(result, 'Ready'), 'True');
  assert.equal(result.podIP, '10.244.0.5');
  assert.deepEqual(result.containerStatuses?.[0]?.state, { running: { startedAt: '2026-11-23T12:00:00Z' } });
});

test('a pod without containers yet is Pending and ContainerCreating', () => {
  const result = status(podOf(), observedOf([], false), { podIp: undefined });
  assert.equal(result.phase, 'Pending');
  assert.deepEqual(result.containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } });
  assert.equal(condition(result, 'PodReadyToStartContainers'), 'False');
});

test('a container in back-off shows how it ended', () => {
  const waiting = new Map([['app', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
  const [container] = status(podOf(), observedOf([exitedOf(1, 3, { attempt: 2 })]), { waiting }).containerStatuses ?? [];
  assert.equal(container?.state?.waiting?.reason, 'CrashLoopBackOff');
  assert.equal(container?.lastState?.terminated?.exitCode, 1);
  assert.equal(container?.restartCount, 2);
});

const phases: readonly (readonly [string, Pod, ObservedPod, string])[] = [
  ['ended well', podOf({ restartPolicy: 'Never' }), observedOf([exitedOf(0, 1)]), 'Succeeded'],
  ['ended badly', podOf({ restartPolicy: 'Never' }), observedOf([exitedOf(2, 1)]), 'Failed'],
  ['to be restarted', podOf(), observedOf([exitedOf(2, 1)]), 'Running'],
  ['initialising', podOf({ initContainers: [appContainer({ name: 'init' })] }), observedOf([attemptOf({ name: 'init' })]), 'Pending'],
  [
    'initialisation failed',
    podOf({ restartPolicy: 'Never', initContainers: [appContainer({ name: 'init' })] }),
    observedOf([exitedOf(1, 1, { name: 'init' })]),
    'Failed',
  ],
  [
    'ended, its sidecar not yet',
    podOf({ restartPolicy: 'Never', initContainers: [appContainer({ name: 'side', restartPolicy: 'Always' })] }),
    observedOf([exitedOf(0, 1), attemptOf({ id: 's1', name: 'side' })]),
    'Running',
  ],
  [
    'its sidecar ended badly, the rest well',
    podOf({ restartPolicy: 'Never', initContainers: [appContainer({ name: 'side', restartPolicy: 'Always' })] }),
    observedOf([exitedOf(0, 1), exitedOf(137, 0, { id: 's1', name: 'side' })]),
    'Succeeded',
  ],
  ['deleted and ended', podOf({}, { metadata: { deletionTimestamp: 'x' } }), observedOf([exitedOf(0, 1)]), 'Succeeded'],
];

for (const [name, pod, observed, phase] of phases) {
  test(`phase: ${name}`, () => assert.equal(status(pod, observed).phase, phase));
}

test('an out-of-memory kill is named', () => {
  const [container] =
    status(podOf({ restartPolicy: 'Never' }), observedOf([exitedOf(137, 1, { oomKilled: true })])).containerStatuses ?? [];
  assert.equal(container?.state?.terminated?.reason, 'OOMKilled');
});

test('nothing changes when it is computed again from its own result', () => {
  const first = status(podOf(), observedOf([attemptOf()]));
  const later = status(podOf({}, { status: first }), observedOf([attemptOf()]), { now: new Date(now.getTime() + 60_000) });
  assert.deepEqual(later, first);
});

test('conditions of others stay', () => {
  const pod = podOf(
    { readinessGates: [{ conditionType: 'example.com/gate' }] },
    { status: { conditions: [{ type: 'example.com/gate', status: 'False' }] } },
  );
  const result = status(pod, observedOf([attemptOf()]));
  assert.equal(condition(result, 'example.com/gate'), 'False');
  assert.equal(condition(result, 'ContainersReady'), 'True');
  assert.equal(condition(result, 'Ready'), 'False');
});
