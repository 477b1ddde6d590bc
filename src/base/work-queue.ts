import { delayMs, type Backoff } from './backoff.ts';

/**
 * Deduplicating work queue, level-triggered: a key added while it waits is handed out once, a key added
 * while it is being worked on is handed out again afterwards. Causes of all the additions are kept together.
 *
 *   add(k) ──► waiting ──take()──► working ──done()──► (dirty? waiting : gone)
 */
export class WorkQueue {
  readonly #waiting = new Map<string, Set<string>>();
  readonly #working = new Map<string, Set<string>>();
  readonly #takers: ((item: WorkItem | undefined) => void)[] = [];
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #backoff: Backoff;
  #closed = false;

  constructor(backoff: Backoff = { initialMs: 5, maxMs: 60_000 }) {
    this.#backoff = backoff;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(key: string, cause: string): void {
    if (this.#closed) return;
    const dirty = this.#working.get(key);
    if (dirty) {
      dirty.add(cause);
      return;
    }
    const causes = this.#waiting.get(key);
    if (causes) {
      causes.add(cause);
      return;
    }
    const taker = this.#takers.shift();
    if (taker) {
      this.#working.set(key, new Set());
      taker({ key, causes: [cause] });
      return;
    }
    this.#waiting.set(key, new Set([cause]));
  }

  /** Adds the key after a delay; a later call replaces the pending delay. */
  addAfter(key: string, cause: string, ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timers.get(key));
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key, cause);
    }, ms);
    this.#timers.set(key, timer);
  }

  /** Adds the key after its own back-off, which doubles with every call until `forget`. Returns the delay in ms. */
  retry(key: string, cause: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ms = delayMs(this.#backoff, failures);
    this.addAfter(key, cause, ms);
    return ms;
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is closed. The caller must call `done`. */
  async take(): Promise<WorkItem | undefined> {
    if (this.#closed) return undefined;
    const [first] = this.#waiting;
    if (!first) return new Promise((resolve) => this.#takers.push(resolve));
    const [key, causes] = first;
    this.#waiting.delete(key);
    this.#working.set(key, new Set());
    return { key, causes: [...causes] };
  }

  done(key: string): void {
    const dirty = this.#working.get(key);
    this.#working.delete(key);
    for (const cause of dirty ?? []) this.add(key, cause);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}

export interface WorkItem {
  readonly key: string;
  /** Why it was queued, each once: `watch Pod default/web-1 @1042`, `retry`, `resync`. */
  readonly causes: readonly string[];
}
