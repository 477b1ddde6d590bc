import type { Refusal } from './evaluate.ts';

/** How the last attempt to place a pod went. */
export interface Attempt {
  /** `namespace/name` */
  readonly key: string;
  /** RFC 3339. */
  readonly at: string;
  readonly message: string;
  /** Nodes there were. */
  readonly nodes: number;
  /** The first refusal of each node. */
  readonly refusals: readonly Refusal[];
  /** Where room is being made. */
  readonly nominated: string | undefined;
}

/** Pods remembered; the oldest are forgotten first. */
const capacity = 1000;

/** The last attempt at each pod that waits. */
export class Attempts {
  readonly #byKey = new Map<string, Attempt>();

  note(attempt: Attempt): void {
    this.#byKey.delete(attempt.key);
    this.#byKey.set(attempt.key, attempt);
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size <= capacity) return;
      this.#byKey.delete(oldest);
    }
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  get(key: string): Attempt | undefined {
    return this.#byKey.get(key);
  }
}
