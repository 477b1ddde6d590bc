import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ResourceLimits } from '../../../engine/containers/container.ts';
import { containerNamed, statusNamed } from './all-containers.ts';
import { crashBackoff, goDuration, nextRestart, type CrashBackoff } from './crash-backoff.ts';
import { latest, type ObservedContainer, type ObservedPod } from './observed.ts';
import { limitChange } from './resize.ts';
import { isSidecar, shouldRestart } from './restart.ts';

/** What probes have found out about one running container. */
export interface ProbeFacts {
  readonly started: boolean;
  readonly ready: boolean;
  readonly live: boolean;
  /** Why it is not live: `Container web failed liveness probe, will be restarted`. */
  readonly message?: string;
}

export interface PlanFacts {
  readonly now: Date;
  /** By container ID. */
  readonly probes: ReadonlyMap<string, ProbeFacts>;
  /** By container name. */
  readonly backoffs: ReadonlyMap<string, CrashBackoff>;
  /** The sandbox's namespaces exist (they end with the boot). */
  readonly isSandboxAlive: boolean;
  /** Of the node, in bytes; undefined: limits of what runs are left alone. */
  readonly memoryCapacity?: number;
  /** When the pod's deletion was first met here. */
  readonly stoppingSince?: Date;
  /** The node cannot bear it any longer. */
  readonly eviction?: PodPlan['failure'];
}

export type PodAction =
  | { readonly do: 'createSandbox' }
  /** With everything in it; before a new one is made. */
  | { readonly do: 'removeSandbox' }
  | { readonly do: 'startContainer'; readonly container: Container; readonly attempt: number; readonly backoff?: CrashBackoff }
  | {
      readonly do: 'stopContainer';
      readonly id: string;
      readonly container: Container | undefined;
      readonly message: string;
      readonly graceSeconds: number;
    }
  | { readonly do: 'removeContainer'; readonly id: string }
  | { readonly do: 'resizeContainer'; readonly id: string; readonly container: Container; readonly limits: ResourceLimits }
  /** Nothing runs any more: remove the sandbox, the volumes and then the object. */
  | { readonly do: 'finalize' };

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** Containers that wait, by name: the `waiting` state of their status. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  readonly requeueAfterMs: number | undefined;
  /** The pod ended as a whole, e.g. DeadlineExceeded. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
}

/** A node that is short of something cannot wait for long. */
const evictionGraceSeconds = 1;

/** The difference between a pod and what runs of it. Doing the actions and planning again leads to an empty plan. */
export function planPod(pod: Pod, observed: ObservedPod, facts: PlanFacts): PodPlan {
  const draft = new Draft();
  const failure = facts.eviction ?? deadlineOf(pod, facts.now, draft);
  const graceSeconds = facts.eviction ? evictionGraceSeconds : graceOf(pod);
  if (pod.metadata.deletionTimestamp) return draft.plan(terminate(pod, observed, leftOf(pod, facts), { finalize: true }));
  if (failure) return draft.plan(terminate(pod, observed, graceSeconds, { finalize: false }), failure);
  if (isOver(pod, observed)) return draft.plan(terminate(pod, observed, graceOf(pod), { finalize: false }));
  if (!observed.sandbox) return draft.plan([{ do: 'createSandbox' }]);
  if (!facts.isSandboxAlive) return draft.plan([{ do: 'removeSandbox' }]);
  draft.actions.push(...outdated(observed));
  for (const container of pod.spec?.ephemeralContainers ?? []) planEphemeral(pod, container, observed, draft);
  if (!planInit(pod, observed, facts, draft)) return draft.plan();
  for (const container of pod.spec?.containers ?? []) planContainer(pod, container, observed, facts, draft);
  return draft.plan();
}

/** Nothing is left to do for it: every container ended and none is to be restarted, or initialisation failed for good. */
export function isOver(pod: Pod, observed: ObservedPod): boolean {
  if (['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) return true;
  const isDone = (container: Container): boolean => {
    const last = latest(observed, container.name);
    return last?.state === 'exited' && !shouldRestart(pod, container, last.exitCode);
  };
  if (isInitFailed(pod, observed)) return true;
  return (pod.spec?.containers ?? []).every(isDone);
}

export function isInitFailed(pod: Pod, observed: ObservedPod): boolean {
  return (pod.spec?.initContainers ?? []).some((container) => {
    const last = latest(observed, container.name);
    return last?.state === 'exited' && last.exitCode !== 0 && !shouldRestart(pod, container, last.exitCode);
  });
}

class Draft {
  readonly actions: PodAction[] = [];
  readonly waiting = new Map<string, { reason: string; message: string }>();
  requeueAfterMs: number | undefined;

  later(ms: number): void {
    this.requeueAfterMs = Math.min(this.requeueAfterMs ?? Infinity, Math.max(1, ms));
  }

  plan(actions: readonly PodAction[] = this.actions, failure?: PodPlan['failure']): PodPlan {
    return { actions, waiting: this.waiting, requeueAfterMs: this.requeueAfterMs, failure };
  }
}

function deadlineOf(pod: Pod, now: Date, draft: Draft): PodPlan['failure'] {
  const seconds = pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || !pod.status?.startTime) return undefined;
  const left = Date.parse(pod.status.startTime) + seconds * 1000 - now.getTime();
  if (left <= 0) return { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
  draft.later(left);
  return undefined;
}

function graceOf(pod: Pod): number {
  return pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
}

/** Sidecars, which are stopped last, share the time that the pod was given: what is left of it, but two seconds as upstream. */
function leftOf(pod: Pod, { now, stoppingSince = now }: PlanFacts): number {
  const grace = graceOf(pod);
  const spent = Math.floor((now.getTime() - stoppingSince.getTime()) / 1000);
  return Math.min(grace, Math.max(2, grace - spent));
}

/** Main containers first, then sidecars in reverse order; last the rest. */
function terminate(pod: Pod, observed: ObservedPod, graceSeconds: number, options: { readonly finalize: boolean }): readonly PodAction[] {
  const running = observed.containers.filter((container) => container.state === 'running');
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name);
  const mains = running.filter((container) => !sidecars.includes(container.name));
  const last = running.toSorted((a, b) => sidecars.indexOf(b.name) - sidecars.indexOf(a.name)).slice(0, 1);
  const stopped = (mains.length > 0 ? mains : last).map((container): PodAction => {
    const spec = containerNamed(pod, container.name);
    return { do: 'stopContainer', id: container.id, container: spec, message: `Stopping container ${container.name}`, graceSeconds };
  });
  if (stopped.length > 0) return stopped;
  return options.finalize ? [{ do: 'finalize' }] : [];
}

/** Whether main containers may run. Init containers run one after the other, each to its end; a sidecar until it has started. */
function planInit(pod: Pod, observed: ObservedPod, facts: PlanFacts, draft: Draft): boolean {
  const hasMain = (pod.spec?.containers ?? []).some((container) => latest(observed, container.name));
  for (const container of pod.spec?.initContainers ?? []) {
    const last = latest(observed, container.name);
    if (isSidecar(container)) {
      planContainer(pod, container, observed, facts, draft);
      const isStarted = last?.state === 'running' && (facts.probes.get(last.id)?.started ?? true);
      if (!isStarted && !hasMain) return false;
      continue;
    }
    if (hasMain || (last?.state === 'exited' && last.exitCode === 0)) continue;
    if (last?.state === 'running') return false;
    planStart(pod, container, last, facts, draft);
    return false;
  }
  return true;
}

/** Put into a running pod to look at it, also while its init containers fail: runs once, whatever becomes of it. */
function planEphemeral(pod: Pod, container: Container, observed: ObservedPod, draft: Draft): void {
  const last = latest(observed, container.name);
  if (last?.state === 'created') draft.actions.push({ do: 'removeContainer', id: last.id });
  const hasRun = last ? last.state !== 'created' : statusNamed(pod, container.name)?.containerID !== undefined;
  if (!hasRun) draft.actions.push({ do: 'startContainer', container, attempt: 0 });
}

function planContainer(pod: Pod, container: Container, observed: ObservedPod, facts: PlanFacts, draft: Draft): void {
  const last = latest(observed, container.name);
  if (last?.state !== 'running') {
    if (last?.state !== 'exited' || shouldRestart(pod, container, last.exitCode)) planStart(pod, container, last, facts, draft);
    return;
  }
  const graceSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
  const probe = facts.probes.get(last.id);
  if (last.image !== container.image) {
    const message = `Container ${container.name} definition changed, will be restarted`;
    draft.actions.push({ do: 'stopContainer', id: last.id, container, message, graceSeconds });
  } else if (probe && !probe.live) {
    const message = probe.message ?? `Container ${container.name} failed liveness probe, will be restarted`;
    draft.actions.push({ do: 'stopContainer', id: last.id, container, message, graceSeconds: livenessGrace(container) ?? graceSeconds });
  } else {
    planLimits(pod, container, last, facts, draft);
  }
}

function planLimits(pod: Pod, container: Container, running: ObservedContainer, { memoryCapacity }: PlanFacts, draft: Draft): void {
  const change = memoryCapacity === undefined ? undefined : limitChange(pod, container, running, memoryCapacity);
  if (!change) return;
  const { id } = running;
  if (!change.needsRestart) {
    draft.actions.push({ do: 'resizeContainer', id, container, limits: change.limits });
    return;
  }
  const graceSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
  draft.actions.push({ do: 'stopContainer', id, container, message: `Container ${container.name} resize requires restart`, graceSeconds });
}

function livenessGrace(container: Container): number | undefined {
  return container.livenessProbe?.terminationGracePeriodSeconds ?? container.startupProbe?.terminationGracePeriodSeconds;
}

function planStart(pod: Pod, container: Container, last: ObservedContainer | undefined, facts: PlanFacts, draft: Draft): void {
  if (!last) {
    draft.actions.push({ do: 'startContainer', container, attempt: firstAttempt(pod, container.name) });
    return;
  }
  if (last.state === 'created') {
    draft.actions.push({ do: 'removeContainer', id: last.id }, { do: 'startContainer', container, attempt: last.attempt });
    return;
  }
  const next = nextRestart(facts.backoffs.get(container.name), last.finishedAt ?? last.createdAt, facts.now);
  if ('entry' in next) {
    draft.actions.push({ do: 'startContainer', container, attempt: last.attempt + 1, backoff: next.entry });
    return;
  }
  const duration = goDuration(facts.backoffs.get(container.name)?.durationMs ?? crashBackoff.initialMs);
  const of = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
  draft.waiting.set(container.name, {
    reason: 'CrashLoopBackOff',
    message: `back-off ${duration} restarting failed container=${container.name} pod=${of}`,
  });
  draft.later(next.waitMs);
}

/** Restart counts go on when the engine has lost the containers (a reboot): the status still knows them. */
function firstAttempt(pod: Pod, name: string): number {
  const status = statusNamed(pod, name);
  return status?.containerID ? status.restartCount + 1 : 0;
}

/** Attempts before the previous one, whose logs `kubectl logs --previous` still shows. */
function outdated(observed: ObservedPod): readonly PodAction[] {
  const seen = new Map<string, number>();
  const actions: PodAction[] = [];
  for (const container of observed.containers) {
    const count = (seen.get(container.name) ?? 0) + 1;
    seen.set(container.name, count);
    if (count > 2 && container.state !== 'running') actions.push({ do: 'removeContainer', id: container.id });
  }
  return actions;
}
