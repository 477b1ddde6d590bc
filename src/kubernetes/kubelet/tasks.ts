import { delay } from '../../base/abort.ts';

/** How long an end waits for what is under way; the engine carries a stop through by itself. */
const patienceMs = 1000;

/** Slow work that a reconcile starts and does not wait for (pulling, stopping): one at a time per key, all owned. */
export class Tasks implements AsyncDisposable {
  readonly #running = new Map<string, Promise<void>>();
  readonly #failed: (key: string, error: unknown) => void;

  constructor(failed: (key: string, error: unknown) => void) {
    this.#failed = failed;
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** Starts the work unless the same is under way. `done` is called once it has ended, well or not. */
  start(key: string, work: () => Promise<void>, done: () => void): boolean {
    if (this.#running.has(key)) return false;
    const ended = this.#run(key, work, done);
    this.#running.set(key, ended);
    return true;
  }

  async #run(key: string, work: () => Promise<void>, done: () => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(key, error);
    }
    this.#running.delete(key);
    done();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const patience = new AbortController();
    await Promise.race([Promise.allSettled(this.#running.values()), delay(patienceMs, patience.signal).catch(() => undefined)]);
    patience.abort();
  }
}
