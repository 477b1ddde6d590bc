import { KindError } from '../../base/errors.ts';

interface Waiter {
  readonly revision: number;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const sweepMs = 1_000;

/** Who waits until a revision is visible. */
export class RevisionWaiters {
  readonly #byRevision = new Map<number, Waiter[]>();
  #reached = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** `unavailable` when it takes longer. For a revision that is not reached yet. */
  wait(revision: number, withinMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { revision, deadline: performance.now() + withinMs, resolve, reject };
    const others = this.#byRevision.get(revision);
    if (others) others.push(waiter);
    else this.#byRevision.set(revision, [waiter]);
    this.#sweep ??= setInterval(() => this.#refuseLate(), sweepMs);
    return promise;
  }

  reached(revision: number): void {
    // Mostly the next revision; after a gap, look at who waits instead of counting through it.
    if (revision - this.#reached > this.#byRevision.size) {
      for (const waited of this.#byRevision.keys()) if (waited <= revision) this.#release(waited);
    } else for (let next = this.#reached + 1; next <= revision; next += 1) this.#release(next);
    this.#reached = revision;
  }

  fail(error: Error): void {
    for (const { reject } of [...this.#byRevision.values()].flat()) reject(error);
    this.#byRevision.clear();
    this.#rest();
  }

  #release(revision: number): void {
    const waiters = this.#byRevision.get(revision);
    if (!waiters) return;
    this.#byRevision.delete(revision);
    for (const { resolve } of waiters) resolve();
    this.#rest();
  }

  #refuseLate(): void {
    const now = performance.now();
    for (const [revision, waiters] of this.#byRevision) {
      const late = waiters.filter(({ deadline }) => deadline < now);
      for (const { reject } of late) {
        reject(new KindError('unavailable', `etcd has not sent revision ${revision} in time: is a majority of its members up?`));
      }
      if (late.length === waiters.length) this.#byRevision.delete(revision);
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#byRevision.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
