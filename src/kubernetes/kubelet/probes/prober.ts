import type { Container, Pod, Probe } from '../../../api/kubernetes/types.generated.ts';
import type { Execs } from '../../../engine/containers/execs.ts';
import { allStatuses } from '../pod/all-containers.ts';
import type { ObservedContainer } from '../pod/observed.ts';
import type { ProbeFacts } from '../pod/plan.ts';
import { eagerDelayMs, initialState, withOutcome, type ProbeKind, type ProbeState } from './probe-state.ts';
import { runProbe, type ProbeResult, type ProbeTarget } from './run-probe.ts';

export interface ProberOptions {
  readonly execs: Pick<Execs, 'run'>;
  /** A verdict changed: the pod is to be looked at again. */
  readonly changed: (pod: Pod, kind: ProbeKind) => void;
  /** A counted look failed: `Readiness probe failed: …`. */
  readonly unhealthy: (pod: Pod, container: Container, message: string) => void;
}

/** Probes the running containers of all pods. What it knows is looked up by container ID; nothing of it is stored. */
export class Prober implements Disposable {
  readonly #workers = new Map<string, readonly Worker[]>();
  readonly #options: ProberOptions;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Starts probing a running container; nothing to do when it is already probed. */
  watch(pod: Pod, container: Container, running: ObservedContainer, ip: string): void {
    if (this.#workers.has(running.id)) return;
    const target: ProbeTarget = { containerId: running.id, container, ip };
    const startedAt = running.startedAt ?? new Date();
    const probes: readonly [ProbeKind, Probe | undefined][] = [
      ['startup', container.startupProbe],
      ['liveness', container.livenessProbe],
      ['readiness', container.readinessProbe],
    ];
    const workers = probes
      .filter((entry): entry is [ProbeKind, Probe] => entry[1] !== undefined)
      .map(([kind, probe]) => new Worker(kind, probe, pod, target, startedAt, this.#options, knownVerdict(kind, pod, running)));
    this.#workers.set(running.id, workers);
    const startup = workers.find((worker) => worker.kind === 'startup' && !worker.verdict);
    const others = workers.filter((worker) => worker.kind !== 'startup');
    if (!startup) for (const worker of others) worker.start();
    startup?.start(() => others.forEach((worker) => worker.start()));
  }

  /** Ends the probing of every container that is not in the set of those that still run. */
  retain(podUid: string, running: ReadonlySet<string>): void {
    for (const [id, workers] of this.#workers) {
      if (running.has(id) || workers.every((worker) => worker.podUid !== podUid)) continue;
      this.forget(id);
    }
  }

  forget(containerId: string): void {
    for (const worker of this.#workers.get(containerId) ?? []) worker[Symbol.dispose]();
    this.#workers.delete(containerId);
  }

  facts(pod: Pod, container: Container, running: ObservedContainer): ProbeFacts {
    const workers = this.#workers.get(running.id) ?? [];
    const verdict = (kind: ProbeKind, isAbsent: boolean): boolean =>
      workers.find((worker) => worker.kind === kind)?.verdict ?? (isAbsent || knownVerdict(kind, pod, running) === true);
    const started = verdict('startup', container.startupProbe === undefined);
    const hasStartupFailed = workers.some((worker) => worker.kind === 'startup' && worker.hasFailed);
    const isLive = verdict('liveness', true);
    const ready = started && isLive && verdict('readiness', container.readinessProbe === undefined);
    const which = hasStartupFailed ? 'startup' : 'liveness';
    return {
      started,
      ready,
      live: isLive && !hasStartupFailed,
      message: `Container ${container.name} failed ${which} probe, will be restarted`,
    };
  }

  [Symbol.dispose](): void {
    for (const id of this.#workers.keys()) this.forget(id);
  }
}

/**
 * What was last said of this very container: a kubelet that starts again goes on from there, so that nothing which
 * served stops being an endpoint until a probe says so. Undefined for a container nobody has spoken of.
 */
function knownVerdict(kind: ProbeKind, pod: Pod, running: ObservedContainer): boolean | undefined {
  const known = allStatuses(pod).find((status) => status.containerID === `davit://${running.id}`);
  if (!known || kind === 'liveness') return undefined;
  return kind === 'startup' ? known.started : known.ready;
}

/** One probe of one container: looks, counts, waits. */
class Worker implements Disposable {
  readonly kind: ProbeKind;
  readonly podUid: string;
  readonly #probe: Probe;
  readonly #pod: Pod;
  readonly #target: ProbeTarget;
  readonly #startedAt: Date;
  readonly #options: ProberOptions;
  #state: ProbeState;
  #timer: NodeJS.Timeout | undefined;
  #eagerLooks = 0;
  #nextCountedAt = 0;
  #succeeded: () => void = () => undefined;
  #isDisposed = false;

  constructor(kind: ProbeKind, probe: Probe, pod: Pod, target: ProbeTarget, startedAt: Date, options: ProberOptions, known?: boolean) {
    this.kind = kind;
    this.podUid = pod.metadata.uid ?? '';
    this.#probe = probe;
    this.#pod = pod;
    this.#target = target;
    this.#startedAt = startedAt;
    this.#options = options;
    this.#state = known === undefined ? initialState(kind) : { ...initialState(kind), verdict: known };
  }

  get verdict(): boolean {
    return this.#state.verdict;
  }

  /** A startup probe that has used up its failures: the container is to be restarted. */
  get hasFailed(): boolean {
    return this.#state.last === false && this.#state.streak >= (this.#probe.failureThreshold ?? 3);
  }

  start(succeeded?: () => void): void {
    if (this.#isDisposed) return;
    if (succeeded) this.#succeeded = succeeded;
    const initial = this.#startedAt.getTime() + (this.#probe.initialDelaySeconds ?? 0) * 1000;
    this.#nextCountedAt = Math.max(Date.now(), initial);
    this.#schedule(this.#nextCountedAt - Date.now());
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (this.#isDisposed) return;
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, ms));
  }

  async #look(): Promise<void> {
    const periodMs = (this.#probe.periodSeconds ?? 10) * 1000;
    const isCounted = Date.now() >= this.#nextCountedAt - 5;
    const result = await runProbe(this.#probe, this.#target, this.#options.execs);
    if (this.#isDisposed) return;
    if (isCounted) this.#nextCountedAt = Date.now() + periodMs;
    if (isCounted || result.success) this.#count(result);
    if (this.kind === 'startup' && this.#state.verdict) return;
    const untilCounted = this.#nextCountedAt - Date.now();
    const isEager = this.kind !== 'liveness' && !this.#state.verdict && this.#state.last === false;
    if (isEager) this.#schedule(Math.min(untilCounted, eagerDelayMs(this.#probe, this.#eagerLooks++)));
    else this.#schedule(untilCounted);
  }

  #count(result: ProbeResult): void {
    const before = this.#state;
    const hadFailed = this.hasFailed;
    this.#state = withOutcome(before, this.#probe, result.success);
    if (!result.success) {
      const kind = this.kind[0]?.toUpperCase() + this.kind.slice(1);
      this.#options.unhealthy(this.#pod, this.#target.container, `${kind} probe failed: ${result.message}`);
    }
    if (this.kind === 'startup' && this.#state.verdict) this.#succeeded();
    const hasJustFailed = this.kind === 'startup' && this.hasFailed && !hadFailed;
    if (this.#state.verdict !== before.verdict || hasJustFailed) this.#options.changed(this.#pod, this.kind);
  }
}
