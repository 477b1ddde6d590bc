import { delayMs } from '../../base/backoff.ts';
import type { PodInfo } from './cluster/pod-info.ts';
import { Heap } from './heap.ts';

interface Entry {
  readonly info: PodInfo;
  /** When it was first seen: among equals the older goes first. */
  readonly since: number;
  readonly attempts: number;
  /** Plugins that turned it away; empty while it waits for its turn. */
  readonly refusedBy: ReadonlySet<string>;
  /** Not before; ms since the epoch. */
  readonly notBefore: number;
  /** After an error the pause is for the server's sake: it is kept also when nobody else waits. */
  readonly hasFailed?: boolean;
}

const backoff = { initialMs: 1000, maxMs: 10_000 };
/** A pod that no event has woken is tried all the same after this long. */
const patienceMs = 5 * 60_000;

/**
 * Pods that wait for a node, the most important first.
 *
 *   add ──► ready ──take──► being placed ──┬─ placed: gone
 *             ▲                            └─ refused ──► waiting ──(an event wakes it)──► backing off ──► ready
 *             └────────────────────────────────────────────────────────────────────────────────┘
 */
export class SchedulingQueue {
  readonly #ready = new Map<string, Entry>();
  readonly #waiting = new Map<string, Entry>();
  readonly #backingOff = new Map<string, Entry>();
  /** Ready entries in order, and some that are not in `#ready` any more. */
  readonly #order = new Heap<Entry>(goesFirst);
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get sizes(): { readonly ready: number; readonly waiting: number; readonly backingOff: number } {
    return { ready: this.#ready.size, waiting: this.#waiting.size, backingOff: this.#backingOff.size };
  }

  /** A new pod, or one whose own spec changed. */
  add(info: PodInfo): void {
    const known = this.#entry(info.uid);
    this.remove(info.uid);
    this.#setReady({ info, since: known?.since ?? this.#now(), attempts: known?.attempts ?? 0, refusedBy: new Set(), notBefore: 0 });
  }

  /** Newer facts about a pod that keeps its place. */
  refresh(info: PodInfo): void {
    for (const part of [this.#waiting, this.#backingOff]) {
      const known = part.get(info.uid);
      if (known) part.set(info.uid, { ...known, info });
    }
    const ready = this.#ready.get(info.uid);
    if (ready) this.#setReady({ ...ready, info });
  }

  remove(uid: string): void {
    this.#ready.delete(uid);
    this.#waiting.delete(uid);
    this.#backingOff.delete(uid);
  }

  has(uid: string): boolean {
    return this.#entry(uid) !== undefined;
  }

  /** The next pod; it is out of the queue until it is refused or added again. */
  take(): { readonly info: PodInfo; readonly attempts: number; readonly since: number } | undefined {
    for (let entry = this.#order.pop(); entry; entry = this.#order.pop()) {
      if (this.#ready.get(entry.info.uid) !== entry) continue;
      this.#ready.delete(entry.info.uid);
      return entry;
    }
    return this.#takeEarly();
  }

  /** With nobody ready there is no use in letting the next one sit out its pause. */
  #takeEarly(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#backingOff.values()) {
      if (!entry.hasFailed && (!first || entry.notBefore < first.notBefore)) first = entry;
    }
    if (first) this.#backingOff.delete(first.info.uid);
    return first;
  }

  refuse(taken: { readonly info: PodInfo; readonly attempts: number; readonly since: number }, refusedBy: ReadonlySet<string>): void {
    const attempts = taken.attempts + 1;
    const notBefore = this.#now() + delayMs(backoff, attempts - 1);
    this.#waiting.set(taken.info.uid, { ...taken, attempts, refusedBy, notBefore, hasFailed: false });
  }

  /** Its node was found but could not be written. */
  fail(taken: { readonly info: PodInfo; readonly attempts: number; readonly since: number }): void {
    const attempts = taken.attempts + 1;
    const notBefore = this.#now() + delayMs(backoff, attempts - 1);
    this.#backingOff.set(taken.info.uid, { ...taken, attempts, refusedBy: new Set(), notBefore, hasFailed: true });
  }

  /** Lets those go on for which the event makes a difference, as `wakes` says. */
  wake(wakes: (info: PodInfo, refusedBy: ReadonlySet<string>) => boolean): void {
    for (const [uid, entry] of this.#waiting) {
      if (!wakes(entry.info, entry.refusedBy)) continue;
      this.#waiting.delete(uid);
      this.#backingOff.set(uid, entry);
    }
  }

  /** Moves what has waited long enough; ms until it makes sense to ask again. */
  tick(): number | undefined {
    const now = this.#now();
    let next = Number.POSITIVE_INFINITY;
    for (const [uid, entry] of this.#backingOff) {
      if (entry.notBefore > now) {
        next = Math.min(next, entry.notBefore - now);
        continue;
      }
      this.#backingOff.delete(uid);
      this.#setReady(entry);
    }
    for (const [uid, entry] of this.#waiting) {
      const due = entry.notBefore + patienceMs;
      if (due > now) {
        next = Math.min(next, due - now);
        continue;
      }
      this.#waiting.delete(uid);
      this.#setReady(entry);
    }
    return Number.isFinite(next) ? next : undefined;
  }

  #setReady(entry: Entry): void {
    this.#ready.set(entry.info.uid, entry);
    this.#order.push(entry);
  }

  #entry(uid: string): Entry | undefined {
    return this.#ready.get(uid) ?? this.#waiting.get(uid) ?? this.#backingOff.get(uid);
  }
}

function goesFirst(a: Entry, b: Entry): boolean {
  if (a.info.priority !== b.info.priority) return a.info.priority > b.info.priority;
  return a.since === b.since ? a.info.key < b.info.key : a.since < b.since;
}
