/** A binary heap: what goes before all else is at hand. `before(a, b)`: whether a goes first. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  push(item: T): void {
    const items = this.#items;
    items.push(item);
    for (let at = items.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return first;
    items[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      if (left >= items.length) return first;
      const child = right < items.length && this.#before(items[right] as T, items[left] as T) ? right : left;
      if (!this.#swapIfBefore(child, at)) return first;
      at = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const items = this.#items;
    const [a, b] = [items[child] as T, items[parent] as T];
    if (!this.#before(a, b)) return false;
    items[child] = b;
    items[parent] = a;
    return true;
  }
}
