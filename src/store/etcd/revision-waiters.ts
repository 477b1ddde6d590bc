import { KindError } from '../../base/errors.ts';

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits until a revision is visible. */
export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>();

  /** `unavailable` when it takes longer. */
  async wait(revision: number, withinMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { revision, resolve, reject };
    this.#waiters.add(waiter);
    const late = (): void =>
      reject(
        new KindError(
          'unavailable',
          `etcd has not sent revision ${revision} within ${withinMs / 1000} s: is a majority of its members up?`,
        ),
      );
    const timer = setTimeout(late, withinMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  reached(revision: number): void {
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.resolve();
  }

  fail(error: Error): void {
    for (const { reject } of this.#waiters) reject(error);
  }
}
