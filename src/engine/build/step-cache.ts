import type { Digest } from '../../base/digest.ts';
import type { Store } from '../../store/store.ts';
import { Records } from '../images/records.ts';

/** What the store keeps of a cached step, under /engine/build-cache/<key>. */
export interface CachedStep {
  readonly imageId: Digest;
  /** As in the history. */
  readonly description: string;
  /** Bytes of the layer that it made; 0 without one. */
  readonly bytes: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly lastUsedAt?: string;
  readonly usageCount: number;
  /** A build ended here: the image is the user's, also without a name. */
  readonly isResult?: boolean;
}

const prefix = '/engine/build-cache/';

/** Cached steps by their key. They outlive davit. */
export class StepCache {
  readonly #store: Store;
  readonly #records: Records<CachedStep>;
  /** Keys that running builds have used: not to be forgotten, and counted when their build ends. */
  readonly #used = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
    this.#records = new Records(store, prefix);
  }

  get(key: string): CachedStep | undefined {
    return this.#records.get(key);
  }

  list(): readonly (readonly [string, CachedStep])[] {
    return this.#store.range(prefix).entries.flatMap(({ key }): readonly (readonly [string, CachedStep])[] => {
      const [name, step] = [key.slice(prefix.length), this.#records.get(key.slice(prefix.length))];
      return step ? [[name, step]] : [];
    });
  }

  async put(key: string, step: CachedStep): Promise<void> {
    await this.#records.put(key, step);
  }

  isUsed(key: string): boolean {
    return (this.#used.get(key) ?? 0) > 0;
  }

  /** Keeps the step until the returned function is called. */
  use(key: string): () => void {
    this.#used.set(key, (this.#used.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#used.get(key) ?? 1) - 1;
      if (left > 0) this.#used.set(key, left);
      else this.#used.delete(key);
    };
  }

  /** One write for all hits of a build, and for the step that it ended with. */
  async note(hits: readonly string[], result: string | undefined, now: Date): Promise<void> {
    const changed = new Set(result === undefined ? hits : [...hits, result]);
    const operations = [...changed].flatMap((key) => {
      const step = this.#records.get(key);
      if (!step) return [];
      const usage = hits.includes(key) ? { lastUsedAt: now.toISOString(), usageCount: step.usageCount + 1 } : {};
      return [this.#records.putting(key, { ...step, ...usage, ...(key === result && { isResult: true }) })];
    });
    if (operations.length > 0) await this.#store.write(operations);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#records.deleteAll(keys);
  }
}
