import { isDeepStrictEqual } from 'node:util';
import { pods } from '../../../api/kubernetes/kinds.ts';
import type { Pod, PodStatus } from '../../../api/kubernetes/types.generated.ts';
import { abortable, delay } from '../../../base/abort.ts';
import { delayMs } from '../../../base/backoff.ts';
import { isKind, KindError, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Client } from '../../client/client.ts';

const ownConditions = new Set([
  'PodResizePending',
  'PodResizeInProgress',
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
]);
/** Fields that a merge does not take away by itself. */
const removable = ['reason', 'message', 'podIP', 'podIPs'];
const backoff = { initialMs: 200, maxMs: 5000 };

interface Wanted {
  readonly pod: Pod;
  readonly status: PodStatus;
}

interface Own {
  readonly status: PodStatus;
  /** The pod's version that has it; undefined until it is written. */
  readonly version?: string | undefined;
}

/**
 * Writes a pod's status when it differs from the last one, so that an unchanged pod causes no traffic. Nobody waits for it: a server
 * that is silent is told the newest when it listens again, and what runs is looked after meanwhile.
 */
export class StatusWriter implements AsyncDisposable {
  readonly #client: Client;
  readonly #log: Log;
  readonly #newest = new Map<string, Own>();
  readonly #waiting = new Map<string, Wanted>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  readonly #uidOf: (pod: Pod) => string | undefined;

  /** `uidOf`: what the API server knows a pod by. */
  constructor(client: Client, log: Log, uidOf: (pod: Pod) => string | undefined = ({ metadata }) => metadata.uid) {
    this.#client = client;
    this.#uidOf = uidOf;
    this.#log = log;
  }

  /**
   * The pod with the newest status that is known: what is to be written may be ahead of what was watched. What somebody else made of it
   * since (the node controller, when the node was silent) counts, so that it is put right.
   */
  newest(pod: Pod): Pod {
    const known = this.#newest.get(pod.metadata.uid ?? '');
    if (!known || isAtLeast(pod.metadata.resourceVersion, known.version)) return pod;
    const own = known.status;
    const foreign = (pod.status?.conditions ?? []).filter((condition) => !ownConditions.has(condition.type));
    return {
      ...pod,
      status: { ...own, conditions: [...(own.conditions ?? []).filter((condition) => ownConditions.has(condition.type)), ...foreign] },
    };
  }

  write(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    const next: PodStatus = JSON.parse(JSON.stringify(status));
    if (isDeepStrictEqual(essence(this.newest(pod).status ?? {}), essence(next))) return;
    this.#newest.set(uid, { status: next });
    this.#waiting.set(uid, { pod, status: next });
    if (!this.#writing.has(uid)) this.#writing.set(uid, this.#drain(uid));
  }

  /** Resolves when the server has the newest status of the pod, or has no such pod any more. */
  async written(uid: string): Promise<void> {
    await this.#writing.get(uid);
  }

  forget(uid: string): void {
    this.#newest.delete(uid);
    this.#waiting.delete(uid);
  }

  /** What the server has not been told is found again by the next life. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#writing.values());
  }

  async #drain(uid: string): Promise<void> {
    let failures = 0;
    for (let wanted = this.#take(uid); wanted && !this.#stop.signal.aborted; wanted = this.#take(uid)) {
      try {
        await abortable(this.#patch(wanted), this.#stop.signal);
        failures = 0;
      } catch (error) {
        if (isKind(error, 'canceled')) continue;
        // Nobody has it, so that it is to be written again once there is somebody: a mirror is made later than its pod.
        if (isKind(error, 'notFound') || isKind(error, 'conflict')) {
          this.#newest.delete(uid);
          continue;
        }
        const { namespace, name } = wanted.pod.metadata;
        this.#log.warn({ pod: `${namespace}/${name}`, error: messageOf(error) }, 'status not written, will try again');
        if (this.#newest.has(uid) && !this.#waiting.has(uid)) this.#waiting.set(uid, wanted);
        await delay(delayMs(backoff, failures++), this.#stop.signal).catch(() => undefined);
      }
    }
    this.#writing.delete(uid);
  }

  #take(uid: string): Wanted | undefined {
    const wanted = this.#waiting.get(uid);
    this.#waiting.delete(uid);
    return wanted;
  }

  async #patch({ pod, status }: Wanted): Promise<void> {
    const { uid, name = '', namespace = '' } = pod.metadata;
    const gone = Object.fromEntries(removable.filter((field) => !(field in status)).map((field) => [field, null]));
    const shownUid = this.#uidOf(pod);
    if (shownUid === undefined) throw new KindError('notFound', `pod ${namespace}/${name} is not shown yet`);
    const body = { metadata: { uid: shownUid }, status: { ...gone, ...status } };
    const { metadata } = await this.#client.patch(pods, { namespace, name }, { type: 'merge', body }, 'status');
    if (this.#newest.get(uid ?? '')?.status === status) this.#newest.set(uid ?? '', { status, version: metadata.resourceVersion });
  }
}

/** Whether the version is that one or a later one. */
function isAtLeast(version: string | undefined, one: string | undefined): boolean {
  return version !== undefined && one !== undefined && BigInt(version) >= BigInt(one);
}

/** Without what the API server adds by itself. */
function essence(status: PodStatus): unknown {
  const bare = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(bare);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== null && each !== undefined && !isEmptyObject(each))
        .map(([key, each]) => [key, bare(each)]),
    );
  };
  return bare(status);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
