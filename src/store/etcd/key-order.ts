/** Runs actions on the same key one after the other, in the order of the calls; others at the same time. */
export class KeyOrder {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(keys: readonly string[], act: () => Promise<T>): Promise<T> {
    const before = keys.flatMap((key) => this.#tails.get(key) ?? []);
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    for (const key of keys) this.#tails.set(key, tail);
    try {
      if (before.length > 0) await Promise.all(before);
      return await act();
    } finally {
      release();
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
