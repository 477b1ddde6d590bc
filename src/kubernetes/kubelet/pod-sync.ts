import { pods } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client } from '../client/client.ts';
import type { Evictor } from './eviction/evictor.ts';
import { allContainers, containerNamed } from './pod/all-containers.ts';
import { ContainerWaits } from './pod/container-waits.ts';
import type { Allocations, PendingResize } from './pod/allocations.ts';
import type { CrashBackoff } from './pod/crash-backoff.ts';
import { observe, podLabels, type ObservedPod } from './pod/observed.ts';
import { planPod, type PlanFacts, type PodAction, type PodPlan, type ProbeFacts } from './pod/plan.ts';
import type { PodRecorder } from './pod/recorder.ts';
import type { PodGround, PodRuntime } from './pod/runtime.ts';
import type { StatusWriter } from './pod/status-writer.ts';
import { statusOf } from './pod/status.ts';
import type { TerminationMessages } from './pod/termination-messages.ts';
import type { Prober } from './probes/prober.ts';

export interface PodSyncOptions {
  readonly client: Client;
  readonly engine: Engine;
  readonly kernel: Pick<Kernel, 'namespaces'>;
  readonly runtime: PodRuntime;
  readonly prober: Prober;
  readonly status: StatusWriter;
  readonly messages: TerminationMessages;
  readonly recorder: PodRecorder;
  readonly nodeIp: string;
  readonly log: Log;
  /** The pod as last watched; undefined when it is gone. */
  readonly pod: (key: string) => Pod | undefined;
  readonly enqueue: (key: string, cause: string) => void;
  readonly allocations: Allocations;
  readonly memoryCapacity: number;
  readonly evictor: Pick<Evictor, 'verdict' | 'forget'>;
}

/** What is remembered of a pod between two looks. Losing it (a restart of davit) costs nothing but back-offs. */
interface PodMemory {
  readonly backoffs: Map<string, CrashBackoff>;
  waiting: Map<string, { readonly reason: string; readonly message: string }>;
  failure: PodPlan['failure'];
  refreshedAt: number;
  stoppingSince: Date | undefined;
  pendingResize: PendingResize | undefined;
  resizeFailure: string | undefined;
}

const refreshMs = 60_000;
/** Starts that failed so late that the next one backs off. */
const ranInVain: ReadonlySet<string> = new Set(['RunContainerError', 'PostStartHookError']);
/** A resize for which there is no room, or that the kernel refuses, is tried again then. */
const deferredMs = 5000;
/** A stop that failed is tried again then. */
const stopRetryMs = 2000;
/** Sandbox, init containers, containers: more rounds than any pod needs to settle; the rest is another reconcile. */
const maximumRounds = 10;

/**
 * Brings what runs of one pod in line with its object: observe → plan → act, until there is nothing left to do
 * at once, then write the status. Told only that something may have changed.
 */
export class PodSync {
  readonly #options: PodSyncOptions;
  readonly #memories = new Map<string, PodMemory>();

  constructor(options: PodSyncOptions) {
    this.#options = options;
  }

  async reconcile(key: string): Promise<{ readonly requeueAfterMs?: number }> {
    const wished = this.#options.pod(key);
    await this.#removeOrphans(key, wished?.metadata.uid);
    if (!wished?.metadata.uid) return {};
    const memory = this.#memory(wished.metadata.uid);
    const pod = this.#allocated(wished, memory);
    let requeueAfterMs: number | undefined;
    for (let round = 0; round < maximumRounds; round++) {
      const observed = await this.#observe(pod);
      this.#probe(pod, observed);
      const plan = planPod(this.#options.status.newest(pod), observed, this.#facts(pod, observed, memory));
      this.#remember(pod, observed, memory, plan);
      if (plan.actions.some((action) => action.do === 'finalize')) {
        await this.#finalize(pod, observed, memory);
        return {};
      }
      const outcome = await this.#apply(key, pod, observed, memory, plan.actions);
      requeueAfterMs = earliest(plan.requeueAfterMs, outcome.retryAfterMs);
      if (!outcome.hasProgressed || outcome.retryAfterMs !== undefined) break;
    }
    const observed = await this.#observe(pod);
    this.#probe(pod, observed);
    await this.#writeStatus(pod, observed, memory);
    requeueAfterMs = earliest(requeueAfterMs, await this.#refresh(pod, observed, memory));
    if (memory.pendingResize?.reason === 'Deferred') requeueAfterMs = earliest(requeueAfterMs, deferredMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  /** What the pod was given; a wish that cannot be granted is told once as an event. */
  #allocated(wished: Pod, memory: PodMemory): Pod {
    const { pod, pending } = this.#options.allocations.consider(wished);
    if (pending && pending.message !== memory.pendingResize?.message)
      this.#options.recorder.record(wished, 'Warning', `Resize${pending.reason}`, `Pod resize ${pending.reason}: ${pending.message}`);
    memory.pendingResize = pending;
    return pod;
  }

  async #observe(pod: Pod): Promise<ObservedPod> {
    const { engine } = this.#options;
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    const [sandbox, containers] = await Promise.all([engine.sandboxes.get(uid), engine.containers.list()]);
    return observe(uid, { namespace, name }, sandbox, containers);
  }

  #facts(pod: Pod, observed: ObservedPod, memory: PodMemory): Parameters<typeof planPod>[2] {
    const netns = observed.sandbox?.netnsPath;
    if (pod.metadata.deletionTimestamp) memory.stoppingSince ??= new Date();
    return {
      now: new Date(),
      backoffs: memory.backoffs,
      isSandboxAlive: netns === undefined || this.#options.kernel.namespaces.exists(netns),
      probes: this.#probeFacts(pod, observed),
      memoryCapacity: this.#options.memoryCapacity,
      ...verdictOn(this.#options.evictor, this.#options.status.newest(pod)),
      ...(memory.stoppingSince && { stoppingSince: memory.stoppingSince }),
    };
  }

  #probeFacts(pod: Pod, observed: ObservedPod): ReadonlyMap<string, ProbeFacts> {
    const facts = new Map<string, ProbeFacts>();
    for (const container of allContainers(pod)) {
      const running = observed.containers.find((each) => each.name === container.name && each.state === 'running');
      if (running) facts.set(running.id, this.#options.prober.facts(pod, container, running));
    }
    return facts;
  }

  /** Probes follow the running containers; none is started for a pod that is going. */
  #probe(pod: Pod, observed: ObservedPod): void {
    const { prober } = this.#options;
    const running = observed.containers.filter((container) => container.state === 'running');
    prober.retain(observed.uid, new Set(pod.metadata.deletionTimestamp ? [] : running.map((container) => container.id)));
    if (pod.metadata.deletionTimestamp) return;
    for (const container of allContainers(pod)) {
      const current = running.find((each) => each.name === container.name);
      if (current) prober.watch(pod, container, current, this.#podIp(pod, observed));
    }
  }

  #remember(pod: Pod, observed: ObservedPod, memory: PodMemory, plan: PodPlan): void {
    const before = memory.waiting;
    memory.failure = plan.failure;
    memory.waiting = new Map(plan.waiting);
    for (const [name, waiting] of plan.waiting) {
      if (before.get(name)?.reason === waiting.reason) continue;
      const message = `Back-off restarting failed container ${name} in pod ${observed.name}_${observed.namespace}(${observed.uid})`;
      this.#options.recorder.record(pod, 'Warning', 'BackOff', message, containerNamed(pod, name));
    }
  }

  async #apply(
    key: string,
    pod: Pod,
    observed: ObservedPod,
    memory: PodMemory,
    actions: readonly PodAction[],
  ): Promise<{ readonly hasProgressed: boolean; readonly retryAfterMs: number | undefined }> {
    const { runtime } = this.#options;
    const podIp = this.#podIp(pod, observed);
    const wake = (): void => this.#options.enqueue(key, 'image');
    let retryAfterMs: number | undefined;
    let hasProgressed = false;
    let isWaiting = false;
    const waits = (name: string, error: ContainerWaits): void => {
      isWaiting = true;
      memory.waiting.set(name, { reason: error.reason, message: error.message });
      retryAfterMs = earliest(retryAfterMs, error.retryAfterMs);
    };
    for (const action of actions) {
      if (action.do === 'createSandbox') await runtime.createSandbox(pod);
      if (action.do === 'removeSandbox') await this.#options.engine.sandboxes.remove(observed.uid);
      if (action.do === 'removeContainer') await runtime.removeContainer(action.id);
      if (action.do === 'resizeContainer') {
        memory.resizeFailure = await runtime.resizeContainer(pod, action).then(() => undefined, messageOf);
        if (memory.resizeFailure !== undefined) retryAfterMs = earliest(retryAfterMs, deferredMs);
      }
      if (action.do === 'stopContainer') {
        runtime.stopContainer(pod, action, podIp);
        retryAfterMs = earliest(retryAfterMs, stopRetryMs);
      }
      hasProgressed ||= action.do !== 'stopContainer' && action.do !== 'startContainer';
    }
    const starts = actions.filter((action) => action.do === 'startContainer');
    const ground =
      starts.length > 0
        ? await this.#ground(
            pod,
            podIp,
            starts.map((start) => start.container.name),
            waits,
          )
        : undefined;
    if (!ground) return { hasProgressed: hasProgressed && !isWaiting, retryAfterMs };
    const started = await Promise.allSettled(starts.map((start) => runtime.startContainer(pod, start, ground, wake)));
    for (const [index, result] of started.entries()) {
      const start = starts[index];
      if (!start) continue;
      if (result.status === 'fulfilled') {
        hasProgressed = true;
        if (start.backoff) memory.backoffs.set(start.container.name, start.backoff);
      } else if (result.reason instanceof ContainerWaits) {
        if (start.backoff && ranInVain.has(result.reason.reason)) memory.backoffs.set(start.container.name, start.backoff);
        waits(start.container.name, result.reason);
      } else throw result.reason;
    }
    return { hasProgressed: hasProgressed && !isWaiting, retryAfterMs };
  }

  async #ground(
    pod: Pod,
    podIp: string,
    names: readonly string[],
    waits: (name: string, error: ContainerWaits) => void,
  ): Promise<PodGround | undefined> {
    try {
      return await this.#options.runtime.prepare(pod, podIp);
    } catch (error) {
      if (!(error instanceof ContainerWaits)) throw error;
      for (const name of names) waits(name, error);
      return undefined;
    }
  }

  async #writeStatus(pod: Pod, observed: ObservedPod, memory: PodMemory): Promise<void> {
    const { status, messages, nodeIp } = this.#options;
    const known = status.newest(pod);
    const next = statusOf(known, observed, {
      now: new Date(),
      probes: this.#probeFacts(pod, observed),
      waiting: new Map(
        [...memory.waiting].map(([name, waiting]) => [
          name,
          waiting.reason === 'ContainerCreating' ? { reason: waiting.reason, message: '' } : waiting,
        ]),
      ),
      failure: memory.failure,
      pendingResize: memory.pendingResize,
      resizeFailure: memory.resizeFailure,
      memoryCapacity: this.#options.memoryCapacity,
      hostIp: nodeIp,
      podIp: observed.sandbox ? this.#podIp(pod, observed) : undefined,
      messages: await messages.read(pod, observed),
    });
    status.write(pod, next);
  }

  /** Everything of it has ended: the last status, then what it had on this host, then the object itself. */
  async #finalize(pod: Pod, observed: ObservedPod, memory: PodMemory): Promise<void> {
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    await this.#writeStatus(pod, observed, memory);
    await this.#options.status.written(uid);
    await this.#options.runtime.remove(uid);
    try {
      await this.#options.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
    } catch (error) {
      if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
    }
    this.#forget(uid);
  }

  /** What runs under this pod's name but belongs to another UID, or to no pod at all: removed by force. */
  async #removeOrphans(key: string, uid: string | undefined): Promise<void> {
    const { engine, runtime, log } = this.#options;
    for (const sandbox of await engine.sandboxes.list()) {
      const { labels, id } = sandbox.spec;
      if (id === uid || `${labels[podLabels.namespace]}/${labels[podLabels.name]}` !== key) continue;
      log.info({ pod: key, uid: id }, 'removing what is left of a pod that is gone');
      const containers = (await engine.containers.list()).filter((each) => each.labels[podLabels.uid] === id);
      await Promise.allSettled(containers.map((each) => engine.containers.stop(each.id, { timeoutSeconds: 1 })));
      await runtime.remove(id);
      this.#forget(id);
    }
  }

  /** Configuration volumes are brought up to date once a minute, and when a ConfigMap or Secret they show has changed. */
  async #refresh(pod: Pod, observed: ObservedPod, memory: PodMemory): Promise<number | undefined> {
    const hasConfiguration = (pod.spec?.volumes ?? []).some(
      (volume) => volume.configMap ?? volume.secret ?? volume.projected ?? volume.downwardAPI,
    );
    const isRunning = observed.containers.some((container) => container.state === 'running');
    if (!hasConfiguration || !isRunning || pod.metadata.deletionTimestamp) return undefined;
    const age = Date.now() - memory.refreshedAt;
    if (age < refreshMs) return refreshMs - age;
    memory.refreshedAt = Date.now();
    try {
      await this.#options.runtime.refresh(pod, this.#podIp(pod, observed));
    } catch (error) {
      this.#options.recorder.record(pod, 'Warning', 'FailedMount', messageOf(error));
    }
    return refreshMs;
  }

  /** The next look at this pod writes its configuration volumes anew. */
  expire(uid: string): void {
    const memory = this.#memories.get(uid);
    if (memory) memory.refreshedAt = 0;
  }

  #podIp(pod: Pod, observed: ObservedPod): string {
    return observed.sandbox?.ip ?? (pod.spec?.hostNetwork ? this.#options.nodeIp : '');
  }

  #memory(uid: string): PodMemory {
    const known = this.#memories.get(uid);
    if (known) return known;
    const fresh: PodMemory = {
      backoffs: new Map(),
      waiting: new Map(),
      failure: undefined,
      refreshedAt: Date.now(),
      stoppingSince: undefined,
      pendingResize: undefined,
      resizeFailure: undefined,
    };
    this.#memories.set(uid, fresh);
    return fresh;
  }

  #forget(uid: string): void {
    this.#memories.delete(uid);
    this.#options.status.forget(uid);
    this.#options.messages.forget(uid);
    this.#options.evictor.forget(uid);
    this.#options.allocations.forget(uid);
    this.#options.prober.retain(uid, new Set());
  }
}

/** A pod that has ended stays as it ended. */
function verdictOn(evictor: Pick<Evictor, 'verdict'>, pod: Pod): Pick<PlanFacts, 'eviction'> {
  const isOver = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
  const eviction = isOver ? undefined : evictor.verdict(pod);
  return eviction ? { eviction } : {};
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
