import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerRestartRule } from '../../../api/kubernetes/types.generated.ts';
import { crashBackoff } from './crash-backoff.ts';
import type { ObservedPod } from './observed.ts';
import { planPod, type PlanFacts, type PodAction } from './plan.ts';
import { appContainer, attemptOf, exitedOf, factsOf, now, observedOf, podOf } from './pod.fake.ts';

/** `start app#1`, `stop c1 30s`: an action in one line. */
function words(action: PodAction): string {
  switch (action.do) {
    case 'startContainer':
      return `start ${action.container.name}#${action.attempt}`;
    case 'stopContainer':
      return `stop ${action.id} ${action.graceSeconds}s`;
    case 'removeContainer':
      return `remove ${action.id}`;
    default:
      return action.do;
  }
}

const init = appContainer({ name: 'init' });
const sidecar = appContainer({ name: 'side', restartPolicy: 'Always' });
const withInit = podOf({ initContainers: [init] });
const withSidecar = podOf({ initContainers: [sidecar] });
const deleted = podOf({}, { metadata: { deletionTimestamp: '2026-11-23T11:59:59Z', deletionGracePeriodSeconds: 5 } });
const waited = { durationMs: crashBackoff.initialMs, updatedAt: new Date(now.getTime() - 60_000) };
const onExit = (operator: string, ...values: readonly number[]): ContainerRestartRule => ({
  action: 'Restart',
  exitCodes: { operator, values },
});
const sideRunning = attemptOf({ id: 's1', name: 'side' });

const table: readonly (readonly [string, ReturnType<typeof podOf>, ObservedPod, Partial<PlanFacts>, readonly string[]])[] = [
  ['a new pod gets a sandbox first', podOf(), observedOf([], false), {}, ['createSandbox']],
  ['a sandbox whose namespaces are gone is removed first', podOf(), observedOf([]), { isSandboxAlive: false }, ['removeSandbox']],
  [
    'then its containers',
    podOf({ containers: [appContainer(), appContainer({ name: 'b' })] }),
    observedOf([]),
    {},
    ['start app#0', 'start b#0'],
  ],
  ['what runs is left alone', podOf(), observedOf([attemptOf()]), {}, []],
  ['the first restart is immediate', podOf(), observedOf([exitedOf(137, 0)]), {}, ['start app#1']],
  ['the next one waits', podOf(), observedOf([exitedOf(1, 3, { attempt: 1 })]), { backoffs: new Map([['app', waited]]) }, []],
  [
    'until its back-off has passed',
    podOf(),
    observedOf([exitedOf(1, 11, { attempt: 1 })]),
    { backoffs: new Map([['app', waited]]) },
    ['start app#2'],
  ],
  ['Never restarts nothing', podOf({ restartPolicy: 'Never' }), observedOf([exitedOf(1, 0)]), {}, []],
  ['OnFailure restarts a failure', podOf({ restartPolicy: 'OnFailure' }), observedOf([exitedOf(1, 0)]), {}, ['start app#1']],
  ['OnFailure leaves a success', podOf({ restartPolicy: 'OnFailure' }), observedOf([exitedOf(0, 0)]), {}, []],
  ['init containers come first', withInit, observedOf([]), {}, ['start init#0']],
  ['and run to their end', withInit, observedOf([attemptOf({ name: 'init' })]), {}, []],
  ['then the others start', withInit, observedOf([exitedOf(0, 1, { name: 'init' })]), {}, ['start app#0']],
  ['a failed one is tried again', withInit, observedOf([exitedOf(1, 1, { name: 'init' })]), {}, ['start init#1']],
  ['or fails the pod', podOf({ initContainers: [init], restartPolicy: 'Never' }), observedOf([exitedOf(1, 1, { name: 'init' })]), {}, []],
  ['a sidecar starts before the others', withSidecar, observedOf([]), {}, ['start side#0']],
  ['which follow once it has started', withSidecar, observedOf([sideRunning]), {}, ['start app#0']],
  ['not before', withSidecar, observedOf([sideRunning]), { probes: new Map([['s1', { started: false, ready: false, live: true }]]) }, []],
  [
    'a sidecar that ends is restarted',
    withSidecar,
    observedOf([attemptOf(), exitedOf(0, 0, { id: 's1', name: 'side' })]),
    {},
    ['start side#1'],
  ],
  [
    'sidecars start one after the other, and before an init container that follows them',
    podOf({ initContainers: [sidecar, init] }),
    observedOf([sideRunning]),
    {},
    ['start init#0'],
  ],
  [
    'a sidecar that ends while an init container runs is restarted',
    podOf({ initContainers: [sidecar, init], restartPolicy: 'Never' }),
    observedOf([exitedOf(1, 0, { id: 's1', name: 'side' }), attemptOf({ id: 'i1', name: 'init' })]),
    {},
    ['start side#1'],
  ],
  [
    'the main ones having ended for good, sidecars are stopped, the last one first',
    podOf({ restartPolicy: 'Never', initContainers: [sidecar, { ...sidecar, name: 'second' }] }),
    observedOf([exitedOf(0, 1), sideRunning, attemptOf({ id: 's2', name: 'second' })]),
    {},
    ['stop s2 30s'],
  ],
  [
    'a container has a policy of its own',
    podOf({ containers: [appContainer({ restartPolicy: 'Never' }), appContainer({ name: 'b', restartPolicy: 'OnFailure' })] }),
    observedOf([exitedOf(1, 0), exitedOf(1, 0, { id: 'c2', name: 'b' })]),
    {},
    ['start b#1'],
  ],
  [
    'and rules by exit code, which go before',
    podOf({ restartPolicy: 'Never', containers: [appContainer({ restartPolicy: 'Never', restartPolicyRules: [onExit('In', 42)] })] }),
    observedOf([exitedOf(42, 0)]),
    {},
    ['start app#1'],
  ],
  [
    'that other codes do not meet',
    podOf({ restartPolicy: 'Never', containers: [appContainer({ restartPolicy: 'Never', restartPolicyRules: [onExit('NotIn', 0, 7)] })] }),
    observedOf([exitedOf(7, 0)]),
    {},
    [],
  ],
  [
    'a dead container is stopped',
    podOf(),
    observedOf([attemptOf()]),
    { probes: new Map([['c1', { started: true, ready: true, live: false }]]) },
    ['stop c1 30s'],
  ],
  [
    'a new image replaces the container',
    podOf({ containers: [appContainer({ image: 'busybox:2' })] }),
    observedOf([attemptOf()]),
    {},
    ['stop c1 30s'],
  ],
  ['deletion stops with the grace of the request', deleted, observedOf([attemptOf()]), {}, ['stop c1 5s']],
  ['and ends when all have ended', deleted, observedOf([exitedOf(0, 0)]), {}, ['finalize']],
  ['a pod deleted before it ran', deleted, observedOf([], false), {}, ['finalize']],
  [
    'sidecars are stopped last, in what is left of the time',
    podOf({ initContainers: [sidecar] }, { metadata: { deletionTimestamp: 'x', deletionGracePeriodSeconds: 5 } }),
    observedOf([sideRunning, exitedOf(0, 0)]),
    { stoppingSince: new Date(now.getTime() - 2000) },
    ['stop s1 3s'],
  ],
  [
    'a container created but never started is made anew',
    podOf(),
    observedOf([attemptOf({ state: 'created', startedAt: undefined })]),
    {},
    ['remove c1', 'start app#0'],
  ],
  [
    'only the attempt before the current one is kept',
    podOf(),
    observedOf([attemptOf({ id: 'c3', attempt: 2 }), exitedOf(1, 5, { id: 'c2', attempt: 1 }), exitedOf(1, 9, { id: 'c1' })]),
    {},
    ['remove c1'],
  ],
  [
    'restart counts go on after the engine has lost the containers',
    podOf(
      {},
      { status: { containerStatuses: [{ name: 'app', image: '', imageID: '', ready: true, restartCount: 3, containerID: 'davit://c1' }] } },
    ),
    observedOf([]),
    {},
    ['start app#4'],
  ],
];

for (const [name, pod, observed, facts, expected] of table) {
  test(`plan: ${name}`, () => {
    assert.deepEqual(planPod(pod, observed, factsOf(facts)).actions.map(words), expected);
  });
}

test('a container in back-off waits with CrashLoopBackOff and is looked at again in time', () => {
  const plan = planPod(podOf(), observedOf([exitedOf(1, 3, { attempt: 1 })]), factsOf({ backoffs: new Map([['app', waited]]) }));
  assert.deepEqual(plan.waiting.get('app'), {
    reason: 'CrashLoopBackOff',
    message: 'back-off 10s restarting failed container=app pod=web_default(u1)',
  });
  assert.equal(plan.requeueAfterMs, 7000);
});

test('a pod past its deadline is stopped and failed', () => {
  const pod = podOf({ activeDeadlineSeconds: 60 }, { status: { startTime: '2026-11-23T11:58:00Z' } });
  const plan = planPod(pod, observedOf([attemptOf()]), factsOf());
  assert.deepEqual(plan.actions.map(words), ['stop c1 30s']);
  assert.equal(plan.failure?.reason, 'DeadlineExceeded');
});
