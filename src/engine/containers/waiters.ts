import { abortable } from '../../base/abort.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface Outcome {
  readonly exitCode: number;
  readonly error?: string;
}

/** Who waits for which container's end. */
export class Waiters {
  readonly #waiting = new Map<string, Set<{ readonly condition: WaitCondition; readonly resolve: (outcome: Outcome) => void }>>();

  async wait(id: string, condition: WaitCondition, signal?: AbortSignal): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const entry = { condition, resolve };
    const all = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, all.add(entry));
    try {
      return signal ? await abortable(promise, signal) : await promise;
    } finally {
      all.delete(entry);
      if (all.size === 0 && this.#waiting.get(id) === all) this.#waiting.delete(id);
    }
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Wakes those whose condition is among the given. */
  notify(id: string, conditions: readonly WaitCondition[], outcome: Outcome): void {
    for (const entry of this.#waiting.get(id) ?? []) if (conditions.includes(entry.condition)) entry.resolve(outcome);
  }
}
