import { setImmediate as turn } from 'node:timers/promises';
import { persistentVolumeClaims, pods } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { actOf, objectKey, recordingClient, type Record } from '../client/acts.ts';
import type { Client } from '../client/client.ts';
import { eventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import { Informers } from '../client/informers.ts';
import { type Attempt, Attempts } from './attempts.ts';
import { bindClaims, writeDisruption, writeRefusal } from './bind.ts';
import { Cluster } from './cluster/cluster.ts';
import type { PodInfo } from './cluster/pod-info.ts';
import { evaluate, type Refusal } from './evaluate.ts';
import { fitMessage } from './fit-error.ts';
import type { ClusterEvent } from './plugins/plugin.ts';
import { preempt, type Preemption } from './preemption.ts';
import { defaultSchedulerName, type Profile, profiles as allProfiles } from './profile.ts';
import { SchedulingQueue } from './queue.ts';
import { lookupsOf, watchCluster } from './watch-cluster.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly log: Log;
  readonly profiles?: readonly Profile[];
  readonly record?: Record;
}

export interface RunningScheduler extends AsyncDisposable {
  /** The last attempt at a pod that has no node, as it went. */
  attempt(key: string): Attempt | undefined;
  /** What decisions are made from, as it is now. To be read only. */
  readonly cluster: Cluster;
  readonly profiles: readonly Profile[];
}

/** Deciding in a row before others get a turn. */
const sliceMs = 8;
/** Bindings being written at a time: more would come back all at once and hold up everybody. */
const bindingLimit = 512;

/**
 * Gives each new pod its node, the most important first, one decision after the other, so that each counts the one
 * before. Binding is written while the next is being decided. A pod that fits nowhere waits for an event that may
 * make a difference to what refused it.
 *
 * It is no key loop (client/controller.ts): whose turn it is depends on priority, and who wakes on the kind of event.
 */
export async function startScheduler(options: SchedulerOptions): Promise<RunningScheduler> {
  await using starting = new AsyncDisposableStack();
  const informers = starting.use(new Informers(options.client, options.log));
  const recorder = starting.use(eventRecorder({ client: options.client, component: defaultSchedulerName, log: options.log }));
  const scheduler = new Scheduler(options, informers, recorder);
  await scheduler.watch();
  starting.use(scheduler);
  scheduler.run();
  const running = starting.move();
  return {
    attempt: (key) => scheduler.attempts.get(key),
    cluster: scheduler.cluster,
    profiles: options.profiles ?? allProfiles,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Taken = NonNullable<ReturnType<SchedulingQueue['take']>>;

class Scheduler implements AsyncDisposable {
  readonly attempts = new Attempts();
  readonly #options: SchedulerOptions;
  readonly #informers: Informers;
  readonly #recorder: EventRecorder;
  readonly cluster: Cluster;
  readonly #queue = new SchedulingQueue();
  readonly #profiles: ReadonlyMap<string, Profile>;
  /** Pods whose node is decided and being written. */
  readonly #binding = new Map<string, Promise<void>>();
  readonly #writing = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #wakeUp: () => void = () => undefined;
  /** Where the next decision begins to ask nodes. */
  #from = 0;

  constructor(options: SchedulerOptions, informers: Informers, recorder: EventRecorder) {
    this.#options = options;
    this.#informers = informers;
    this.#recorder = recorder;
    this.cluster = new Cluster(lookupsOf(informers));
    this.#profiles = new Map((options.profiles ?? allProfiles).map((one) => [one.schedulerName, one]));
  }

  async watch(): Promise<void> {
    await watchCluster(this.#informers, this.cluster, {
      changed: (event) => this.#changed(event),
      waiting: (info, previous) => this.#waiting(info, previous),
      settled: (uid, key) => {
        this.#queue.remove(uid);
        this.attempts.forget(key);
      },
    });
  }

  run(): void {
    this.#loop = this.#work();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wakeUp();
    await this.#loop;
    await Promise.allSettled([...this.#binding.values(), ...this.#writing]);
  }

  async #work(): Promise<void> {
    let began = performance.now();
    while (!this.#stop.signal.aborted) {
      const next = this.#queue.tick();
      if (this.#binding.size >= bindingLimit) {
        await Promise.race(this.#binding.values());
        continue;
      }
      const taken = this.#queue.take();
      if (!taken) {
        await this.#sleep(next);
        began = performance.now();
        continue;
      }
      this.#decide(taken);
      if (performance.now() - began < sliceMs) continue;
      await turn();
      began = performance.now();
    }
  }

  async #sleep(ms: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeUp = resolve;
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    if (this.#stop.signal.aborted) resolve();
    await promise;
    clearTimeout(timer);
  }

  #changed(event: ClusterEvent): void {
    this.#queue.wake((info, refusedBy) => {
      const { plugins = [] } = this.#profileOf(info.pod) ?? {};
      return plugins.some((plugin) => refusedBy.has(plugin.name) && plugin.wakes(info, event, this.cluster));
    });
    this.#wakeUp();
  }

  #profileOf(pod: Pod): Profile | undefined {
    return this.#profiles.get(pod.spec?.schedulerName ?? defaultSchedulerName);
  }

  #waiting(info: PodInfo, previous: Pod | undefined): void {
    const { pod, uid } = info;
    // Decided already; what its binding does will be seen.
    if (this.#binding.has(uid) || this.cluster.placedOn(uid) !== undefined) return;
    const isGated = (pod.spec?.schedulingGates ?? []).length > 0;
    if (!this.#profileOf(pod) || info.isGoing || isGated) return this.#queue.remove(uid);
    const isSame = previous !== undefined && this.#queue.has(uid) && previous.metadata.generation === pod.metadata.generation;
    if (isSame && JSON.stringify(previous.metadata.labels) === JSON.stringify(pod.metadata.labels)) this.#queue.refresh(info);
    else this.#queue.add(info);
    this.#wakeUp();
  }

  #decide(taken: Taken): void {
    const { info } = taken;
    const profile = this.#profileOf(info.pod);
    if (!profile) return;
    const evaluation = evaluate(info, this.cluster, profile, this.#from);
    this.#from = (this.#from + evaluation.examined) % Math.max(1, this.cluster.nodes.length);
    if ('refusals' in evaluation) return this.#refuse(taken, profile, evaluation.refusals);
    const { nodeName } = evaluation;
    this.cluster.place(info, nodeName);
    this.cluster.denominate(info.uid);
    const bound = this.#bind(taken, nodeName).finally(() => this.#binding.delete(info.uid));
    this.#binding.set(info.uid, bound);
  }

  #client(info: PodInfo, cause: string): Client {
    const { client, record } = this.#options;
    if (!record) return client;
    const about = { kind: 'Pod', key: info.key };
    return recordingClient(client, (written) => record(actOf(defaultSchedulerName, about, [cause], written)));
  }

  async #bind(taken: Taken, nodeName: string): Promise<void> {
    const { info } = taken;
    const client = this.#client(info, `best of the nodes that fit`);
    try {
      if (info.claims.length > 0) await bindClaims(client, this.#informers.of(persistentVolumeClaims), info, nodeName, this.#stop.signal);
      await client.bind(objectKey(info.key), nodeName);
      this.#recorder.record(info.pod, 'Normal', 'Scheduled', `Successfully assigned ${info.key} to ${nodeName}`);
    } catch (error) {
      this.cluster.unplace(info.uid);
      // Gone, or bound by somebody else: its next event tells.
      if (this.#stop.signal.aborted || isKind(error, 'notFound') || isKind(error, 'conflict')) return;
      this.#options.log.warn({ pod: info.key, node: nodeName, error: messageOf(error) }, 'binding failed, will try again');
      this.#queue.fail(taken);
      this.#wakeUp();
    }
  }

  #refuse(taken: Taken, profile: Profile, refusals: readonly Refusal[]): void {
    const { info } = taken;
    const nodes = this.cluster.nodes.length;
    const preemption = nodes === 0 ? { message: '' } : preempt(info, this.cluster, profile, refusals);
    const chosen = 'chosen' in preemption ? preemption.chosen : undefined;
    const message = fitMessage(nodes, refusals, 'message' in preemption ? preemption.message : '').replace(/ preemption: $/, '');
    this.attempts.note({ key: info.key, at: new Date().toISOString(), message, nodes, refusals, nominated: chosen?.nodeName });
    this.#queue.refuse(taken, new Set(nodes === 0 ? ['NodeName', 'NodeResourcesFit'] : refusals.map(({ plugin }) => plugin)));
    this.#keep(this.#tell(info, message, chosen));
  }

  async #tell(info: PodInfo, message: string, chosen: Preemption | undefined): Promise<void> {
    const { pod } = info;
    const client = this.#client(info, message);
    const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (known?.message !== message) this.#recorder.record(pod, 'Warning', 'FailedScheduling', message);
    const nominated = chosen?.nodeName ?? (this.#isNominatedStill(info) ? pod.status?.nominatedNodeName : undefined);
    if (chosen) this.cluster.nominate(info, chosen.nodeName);
    await writeRefusal(client, pod, message, nominated);
    for (const victim of chosen?.victims ?? []) await this.#sendAway(client, info, victim, chosen?.nodeName ?? '');
  }

  /** Its victims have not all gone yet. */
  #isNominatedStill({ pod, priority }: PodInfo): boolean {
    const node = this.cluster.node(pod.status?.nominatedNodeName ?? '');
    return node !== undefined && [...node.pods.values()].some((other) => other.isGoing && other.priority < priority);
  }

  async #sendAway(client: Client, info: PodInfo, victim: PodInfo, nodeName: string): Promise<void> {
    await writeDisruption(client, victim.pod);
    await client.delete(pods, objectKey(victim.key), { uid: victim.uid }).catch((error: unknown) => {
      if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
    });
    this.#recorder.record(victim.pod, 'Normal', 'Preempted', `Preempted by pod ${info.uid} on node ${nodeName}`);
  }

  #keep(work: Promise<void>): void {
    const kept = work
      .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'a pod could not be told why it waits'))
      .finally(() => this.#writing.delete(kept));
    this.#writing.add(kept);
  }
}
