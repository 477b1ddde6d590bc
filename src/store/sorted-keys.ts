/** So many keys to a chunk at most: a chunk is small enough to be moved in a microsecond. */
const chunkSize = 512;

/**
 * Keys in order, in chunks, so that adding one among 100,000 does not move half of them.
 *
 *   [/a /b /c] [/d /f] [/g …]       add /e: find the chunk by its first key, then the place in it
 */
export class SortedKeys {
  #chunks: string[][] = [];

  /** Replaces everything; the keys may be in any order, each once. */
  load(keys: readonly string[]): void {
    const sorted = keys.toSorted(compareKeys);
    this.#chunks = [];
    for (let start = 0; start < sorted.length; start += chunkSize) this.#chunks.push(sorted.slice(start, start + chunkSize));
  }

  add(key: string): void {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    if (!chunk) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > chunkSize) this.#chunks.splice(index + 1, 0, chunk.splice(chunkSize >> 1));
  }

  delete(key: string): void {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    const place = chunk ? lowerBound(chunk, key) : 0;
    if (chunk?.[place] !== key) return;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(index, 1);
  }

  /** The first `limit` keys from `start` on (included) up to `end` (not included), and how many there are in all. */
  between(start: string, end: string, limit = Infinity): { readonly keys: readonly string[]; readonly count: number } {
    const keys: string[] = [];
    let count = 0;
    for (let index = this.#chunkOf(start); index < this.#chunks.length; index += 1) {
      const chunk = this.#chunks[index] as string[];
      if ((chunk[0] as string) >= end) break;
      const from = (chunk[0] as string) >= start ? 0 : lowerBound(chunk, start);
      const to = (chunk.at(-1) as string) < end ? chunk.length : lowerBound(chunk, end);
      for (let place = from; place < to && keys.length < limit; place += 1) keys.push(chunk[place] as string);
      count += to - from;
    }
    return { keys, count };
  }

  /** The last chunk that begins at or before the key, else the first. */
  #chunkOf(key: string): number {
    const after = partitionPoint(this.#chunks, (chunk) => (chunk[0] as string) <= key);
    return Math.max(0, after - 1);
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  return partitionPoint(keys, (candidate) => candidate < key);
}

/** Index of the first item for which `before` is false; the items are ordered by it. */
export function partitionPoint<T>(items: readonly T[], before: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Byte order, as long as keys stay below U+D800 (all of davit's do). */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
