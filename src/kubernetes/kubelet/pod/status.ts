import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '../../../api/kubernetes/types.generated.ts';
import { statusNamed } from './all-containers.ts';
import type { PendingResize } from './allocations.ts';
import { latest, type ObservedContainer, type ObservedPod } from './observed.ts';
import { isInitFailed, type PodPlan, type ProbeFacts } from './plan.ts';
import { isResizing, limitChange } from './resize.ts';
import { isSidecar, shouldRestart } from './restart.ts';
import { qosOf } from './resources.ts';

export interface StatusFacts {
  readonly now: Date;
  readonly probes: ReadonlyMap<string, ProbeFacts>;
  /** Why a container waits, by name: the plan's back-offs and the failures of the last attempt to start it. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  readonly failure: PodPlan['failure'];
  readonly pendingResize?: PendingResize | undefined;
  /** Why what the pod was given could not be put into force. */
  readonly resizeFailure?: string | undefined;
  /** Of the node, in bytes. */
  readonly memoryCapacity?: number;
  readonly hostIp: string;
  readonly podIp: string | undefined;
  /** Termination messages, by container ID. */
  readonly messages: ReadonlyMap<string, string>;
}

/** The status of a pod, computed anew from what runs; transition times are kept where nothing changed. */
export function statusOf(pod: Pod, observed: ObservedPod, facts: StatusFacts): PodStatus {
  const isInitialized = initialized(pod, observed, facts);
  const waitingReason = isInitialized || (pod.spec?.initContainers ?? []).length === 0 ? 'ContainerCreating' : 'PodInitializing';
  const containerStatuses = (pod.spec?.containers ?? []).map((container) =>
    containerStatus(pod, container, observed, facts, waitingReason),
  );
  const initContainerStatuses = (pod.spec?.initContainers ?? []).map((container) =>
    containerStatus(pod, container, observed, facts, 'PodInitializing'),
  );
  const ephemeralContainerStatuses = (pod.spec?.ephemeralContainers ?? []).map((container) => ({
    ...containerStatus(pod, container, observed, facts, 'ContainerCreating'),
    ready: false,
  }));
  const phase = phaseOf(pod, observed, { isInitialized, hasFailed: facts.failure !== undefined });
  const generation = pod.metadata.generation;
  const status: PodStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: [],
    ...(facts.failure ?? endedBecause(pod)),
    hostIP: facts.hostIp,
    hostIPs: [{ ip: facts.hostIp }],
    ...(facts.podIp ? { podIP: facts.podIp, podIPs: [{ ip: facts.podIp }] } : {}),
    startTime: pod.status?.startTime ?? time(facts.now),
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    containerStatuses,
    ...(ephemeralContainerStatuses.length > 0 ? { ephemeralContainerStatuses } : {}),
    qosClass: qosOf(pod),
  };
  return { ...status, conditions: conditionsOf(pod, observed, status, { ...facts, isInitialized }) };
}

function containerStatus(
  pod: Pod,
  container: Container,
  observed: ObservedPod,
  facts: StatusFacts,
  defaultReason: string,
): ContainerStatus {
  const attempts = observed.containers.filter((each) => each.name === container.name);
  const [current, previous] = attempts;
  const before = statusNamed(pod, container.name);
  const waiting = facts.waiting.get(container.name);
  const terminated = (each: ObservedContainer): ContainerState => ({ terminated: terminatedState(each, facts.messages.get(each.id)) });
  if (!current || current.state === 'created') {
    const lastState = previous ? terminated(previous) : lostState(before);
    return {
      name: container.name,
      ready: false,
      started: false,
      restartCount: current?.attempt ?? before?.restartCount ?? 0,
      image: container.image ?? '',
      imageID: '',
      state: { waiting: waiting ? withMessage(waiting) : { reason: defaultReason } },
      lastState,
    };
  }
  const probe = facts.probes.get(current.id);
  const isRunning = current.state === 'running';
  const isWaiting = !isRunning && waiting !== undefined;
  const exited = isRunning ? undefined : terminated(current);
  const isInit = !isSidecar(container) && (pod.spec?.initContainers ?? []).some((each) => each.name === container.name);
  const isComplete = isInit && current.state === 'exited' && current.exitCode === 0;
  return {
    name: container.name,
    state: isRunning
      ? { running: { startedAt: time(current.startedAt ?? current.createdAt) } }
      : isWaiting
        ? { waiting: withMessage(waiting) }
        : (exited ?? {}),
    lastState: isWaiting
      ? (exited ?? {})
      : previous?.state === 'exited'
        ? terminated(previous)
        : current.attempt > 0
          ? (before?.lastState ?? {})
          : {},
    ready: isComplete || (isRunning && !isInit && (probe?.ready ?? true)),
    started: isRunning && (probe?.started ?? true),
    restartCount: current.attempt,
    image: container.image ?? '',
    imageID: current.imageId,
    ...resourcesIn(pod, container, current, before, facts),
    containerID: `davit://${current.id}`,
  };
}

/** What it was given, and what it is held to, which is the old until the kernel has taken the new. */
function resourcesIn(
  pod: Pod,
  container: Container,
  current: ObservedContainer,
  before: ContainerStatus | undefined,
  { memoryCapacity = 0 }: StatusFacts,
): Pick<ContainerStatus, 'allocatedResources' | 'resources'> {
  const { requests, limits } = container.resources ?? {};
  if (current.state !== 'running' || (!requests && !limits)) return {};
  const isPending = limitChange(pod, container, current, memoryCapacity) !== undefined;
  const given = { ...(requests && { requests }), ...(limits && { limits }) };
  return { ...(requests && { allocatedResources: requests }), resources: (isPending ? before?.resources : undefined) ?? given };
}

function lostState(before: ContainerStatus | undefined): ContainerState {
  if (!before?.containerID) return {};
  if (before.state?.terminated) return { terminated: before.state.terminated };
  return before.lastState ?? {};
}

function withMessage(waiting: { readonly reason: string; readonly message: string }): NonNullable<ContainerState['waiting']> {
  return waiting.message ? { reason: waiting.reason, message: waiting.message } : { reason: waiting.reason };
}

function terminatedState(container: ObservedContainer, message: string | undefined): NonNullable<ContainerState['terminated']> {
  const text = message ?? container.error;
  return {
    exitCode: container.exitCode,
    reason: terminatedReason(container),
    ...(text ? { message: text } : {}),
    startedAt: container.startedAt ? time(container.startedAt) : '1970-01-01T00:00:00Z',
    finishedAt: time(container.finishedAt ?? container.createdAt),
    containerID: `davit://${container.id}`,
  };
}

function terminatedReason(container: ObservedContainer): string {
  if (container.error !== undefined && !container.startedAt) return 'StartError';
  if (container.oomKilled) return 'OOMKilled';
  return container.exitCode === 0 ? 'Completed' : 'Error';
}

function initialized(pod: Pod, observed: ObservedPod, facts: StatusFacts): boolean {
  const hasMain = (pod.spec?.containers ?? []).some((container) => latest(observed, container.name));
  return (pod.spec?.initContainers ?? []).every((container) => {
    const last = latest(observed, container.name);
    if (isSidecar(container)) return hasMain || (last?.state === 'running' && (facts.probes.get(last.id)?.started ?? true));
    return (last?.state === 'exited' && last.exitCode === 0) || (last === undefined && hasMain);
  });
}

/** kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle#pod-phase */
function phaseOf(pod: Pod, observed: ObservedPod, facts: { readonly isInitialized: boolean; readonly hasFailed: boolean }): string {
  const before = pod.status?.phase;
  if (before === 'Succeeded' || before === 'Failed') return before;
  if (facts.hasFailed || isInitFailed(pod, observed)) return 'Failed';
  const last = (pod.spec?.containers ?? []).map((container) => ({ container, run: latest(observed, container.name) }));
  if (!facts.isInitialized || last.some(({ run }) => !run || run.state === 'created')) return before === 'Running' ? 'Running' : 'Pending';
  if (isAnySidecarRunning(pod, observed)) return 'Running';
  const isEnded = pod.metadata.deletionTimestamp !== undefined && last.every(({ run }) => run?.state === 'exited');
  const isAlive = last.some(({ container, run }) => run?.state === 'running' || shouldRestart(pod, container, run?.exitCode ?? 0));
  if (isAlive && !isEnded) return 'Running';
  return last.every(({ run }) => run?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

function isAnySidecarRunning(pod: Pod, observed: ObservedPod): boolean {
  return (pod.spec?.initContainers ?? []).some(
    (container) => isSidecar(container) && latest(observed, container.name)?.state === 'running',
  );
}

type ConditionFacts = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

function conditionsOf(
  pod: Pod,
  observed: ObservedPod,
  status: PodStatus,
  facts: StatusFacts & { readonly isInitialized: boolean },
): readonly PodCondition[] {
  const ended = status.phase === 'Succeeded' ? 'PodCompleted' : status.phase === 'Failed' ? 'PodFailed' : undefined;
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name);
  const relevant = [
    ...(status.initContainerStatuses ?? []).filter((each) => sidecars.includes(each.name)),
    ...(status.containerStatuses ?? []),
  ];
  const unready = relevant.filter((each) => !each.ready).map((each) => each.name);
  const incomplete = (status.initContainerStatuses ?? []).filter(
    (each) => !(sidecars.includes(each.name) ? each.started : each.state?.terminated?.exitCode === 0),
  );
  const names = (list: readonly string[]): string => `[${list.join(' ')}]`;
  const containersReady: Omit<ConditionFacts, 'type'> = ended
    ? { status: 'False', reason: ended }
    : unready.length > 0
      ? { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: ${names(unready)}` }
      : { status: 'True' };
  const gates = (pod.spec?.readinessGates ?? []).map((gate) => gate.conditionType);
  const closed = gates.filter((type) => pod.status?.conditions?.find((condition) => condition.type === type)?.status !== 'True');
  const ready =
    containersReady.status === 'True' && closed.length > 0
      ? {
          status: 'False',
          reason: 'ReadinessGatesNotReady',
          message: closed.map((type) => `corresponding condition of pod readiness gate "${type}" does not exist.`).join(', '),
        }
      : containersReady;
  const own: readonly ConditionFacts[] = [
    { type: 'PodReadyToStartContainers', status: observed.sandbox ? 'True' : 'False' },
    facts.isInitialized
      ? { type: 'Initialized', status: 'True', ...(status.phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: ${names(incomplete.map((each) => each.name))}`,
        },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...containersReady },
    { type: 'PodScheduled', status: 'True' },
    ...(status.reason === 'Evicted'
      ? [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: status.message ?? '' }]
      : []),
  ];
  return mergeConditions(pod, [...own, ...resizeConditions(pod, observed, facts)], facts.now);
}

/** A pod that failed as a whole goes on saying why. */
function endedBecause({ status }: Pod): Pick<PodStatus, 'reason' | 'message'> {
  if (status?.phase !== 'Failed' || status.reason === undefined) return {};
  return { reason: status.reason, ...(status.message === undefined ? {} : { message: status.message }) };
}

const passing = new Set(['PodResizePending', 'PodResizeInProgress']);

function resizeConditions(
  pod: Pod,
  observed: ObservedPod,
  { pendingResize, resizeFailure, memoryCapacity = 0 }: StatusFacts,
): readonly ConditionFacts[] {
  const pending = pendingResize ? [{ type: 'PodResizePending', status: 'True', ...pendingResize }] : [];
  if (!isResizing(pod, observed, memoryCapacity)) return pending;
  const failure = resizeFailure === undefined ? {} : { reason: 'Error', message: resizeFailure };
  return [...pending, { type: 'PodResizeInProgress', status: 'True', ...failure }];
}

/** Conditions that others own stay; of ours the transition time changes only with the status. */
function mergeConditions(pod: Pod, facts: readonly ConditionFacts[], now: Date): readonly PodCondition[] {
  const before = pod.status?.conditions ?? [];
  const generation = pod.metadata.generation;
  const own = facts.map((fact): PodCondition => {
    const old = before.find((condition) => condition.type === fact.type);
    const isSame = old?.status === fact.status;
    return {
      ...fact,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: isSame ? (old.lastTransitionTime ?? time(now)) : time(now),
    };
  });
  return [...own, ...before.filter(({ type }) => !passing.has(type) && !facts.some((fact) => fact.type === type))];
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function time(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
