import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { delay } from '../../../base/abort.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { keyOf } from '../../client/object-cache.ts';
import type { PodRecorder } from '../pod/recorder.ts';
import { qosOf } from '../pod/resources.ts';
import { boundsLocalStorage, storageExcess } from './local-storage.ts';
import type { PodMeasure } from './measure.ts';
import { conditionMessage, evictionMessage } from './messages.ts';
import { calm, judge, type Observations, type Pressure } from './pressure.ts';
import { isCritical, rankForEviction } from './rank.ts';
import { signals, type Condition, type Threshold } from './thresholds.ts';

export interface EvictorOptions {
  readonly thresholds: readonly Threshold[];
  readonly observe: () => Promise<Observations>;
  readonly measure: Pick<PodMeasure, 'usage' | 'localStorage'>;
  readonly pods: () => readonly Pod[];
  /** Takes away what nobody needs: ended containers, images that no container uses. */
  readonly reclaimDisk: () => Promise<void>;
  /** The pod is to be looked at: it is evicted. */
  readonly enqueue: (key: string, cause: string) => void;
  /** The node's conditions have changed. */
  readonly changed: () => void;
  /** Tells of the node: `EvictionThresholdMet`. */
  readonly tell: (reason: string, message: string) => void;
  readonly recorder: PodRecorder;
  readonly log: Log;
  /** Between two looks; 10 s as upstream. */
  readonly intervalMs?: number;
}

export interface Eviction {
  readonly reason: 'Evicted';
  readonly message: string;
}

const afterEvictionMs = 2000;

/**
 * Keeps the node from running out of memory, disk and processes: looks, tells the node's conditions, takes back what nobody needs, and ends
 * one pod at a time, the one that upstream would end. Which pods it has ended is in their status; here only until that is written.
 */
export class Evictor implements AsyncDisposable {
  readonly #options: EvictorOptions;
  readonly #evicted = new Map<string, Eviction>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state = calm;
  #conditions: ReadonlySet<Condition> = new Set();

  constructor(options: EvictorOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get conditions(): ReadonlySet<Condition> {
    return this.#conditions;
  }

  /** Why a pod has to end or must not begin; undefined: it may live. */
  verdict(pod: Pod): Eviction | undefined {
    const uid = pod.metadata.uid ?? '';
    const known = this.#evicted.get(uid);
    if (known || pod.status?.startTime !== undefined || isAdmitted(pod, this.#conditions)) return known;
    const message = conditionMessage(this.#conditions);
    return { reason: 'Evicted', message };
  }

  forget(uid: string): void {
    this.#evicted.delete(uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let nextMs = this.#options.intervalMs ?? 10_000;
      try {
        if (await this.#look()) nextMs = Math.min(nextMs, afterEvictionMs);
      } catch (error) {
        this.#options.log.warn({ error: messageOf(error) }, 'eviction: the node could not be measured');
      }
      await delay(nextMs, this.#stop.signal).catch(() => undefined);
    }
  }

  /** Whether a pod was evicted. */
  async #look(): Promise<boolean> {
    const pressure = await this.#judge();
    if (await this.#enforceLimits()) return true;
    const { acute } = pressure;
    if (!acute) return false;
    if (this.#isEnding()) return true;
    const { resource, condition } = signals[acute.threshold.signal];
    this.#options.tell('EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (condition === 'DiskPressure') {
      await this.#options.reclaimDisk();
      const after = await this.#judge();
      if (after.acute?.threshold !== acute.threshold) return false;
    }
    const usages = await Promise.all(this.#active().map((pod) => this.#options.measure.usage(pod)));
    const [worst] = rankForEviction(usages, resource);
    if (worst) this.#evict(worst.pod, evictionMessage(worst, acute.threshold, acute.observation));
    return worst !== undefined;
  }

  /** What the last eviction gives back has not come yet: nobody else goes before. */
  #isEnding(): boolean {
    return this.#options.pods().some(({ metadata, status }) => {
      const runs = status?.phase !== 'Failed' || (status.containerStatuses ?? []).some(({ state }) => state?.running !== undefined);
      return runs && this.#evicted.has(metadata.uid ?? '');
    });
  }

  async #judge(): Promise<Pressure> {
    const pressure = judge(this.#state, this.#options.thresholds, await this.#options.observe(), Date.now());
    this.#state = pressure.state;
    const hasChanged = pressure.conditions.symmetricDifference(this.#conditions).size > 0;
    this.#conditions = pressure.conditions;
    if (hasChanged) this.#options.changed();
    return pressure;
  }

  /** Pods that have more on disk than they are allowed, whatever the node has left. */
  async #enforceLimits(): Promise<boolean> {
    let isAny = false;
    for (const pod of this.#active()) {
      if (!boundsLocalStorage(pod) || isCritical(pod)) continue;
      const message = storageExcess(pod, await this.#options.measure.localStorage(pod));
      if (message) this.#evict(pod, message);
      isAny ||= message !== undefined;
    }
    return isAny;
  }

  #active(): readonly Pod[] {
    return this.#options.pods().filter(({ metadata, status }) => {
      const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
      return !isOver && status?.startTime !== undefined && !this.#evicted.has(metadata.uid ?? '');
    });
  }

  #evict(pod: Pod, message: string): void {
    this.#evicted.set(pod.metadata.uid ?? '', { reason: 'Evicted', message });
    this.#options.recorder.record(pod, 'Warning', 'Evicted', message);
    this.#options.enqueue(keyOf(pod), 'evicted');
  }
}

/** What a node under pressure still takes in: critical pods, and under memory pressure alone who asked for some or bears it. */
function isAdmitted(pod: Pod, conditions: ReadonlySet<Condition>): boolean {
  if (conditions.size === 0 || isCritical(pod)) return true;
  if (conditions.has('DiskPressure') || conditions.has('PIDPressure')) return false;
  const bears = (pod.spec?.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (key === 'node.kubernetes.io/memory-pressure' || (!key && operator === 'Exists')) && (!effect || effect === 'NoSchedule'),
  );
  return bears || qosOf(pod) !== 'BestEffort';
}
