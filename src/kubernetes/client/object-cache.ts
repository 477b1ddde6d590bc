import type { KubernetesObject } from '../../api/kubernetes/kinds.ts';

/** `default/web-1`, or `node-a` for what has no namespace. Unique within a kind. */
export function keyOf(object: KubernetesObject): string {
  const { namespace, name = '' } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The namespace and name of `keyOf`. */
export function splitKey(key: string): { readonly namespace?: string; readonly name: string } {
  const [first = '', second] = key.split('/');
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

/** Names of the index entries an object appears under. */
export type Indexer<T> = (object: T) => readonly string[];

/** Objects by key, in key order, and by any number of indexes. */
export class ObjectCache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexers: Readonly<Record<string, Indexer<T>>>;
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  #sorted: readonly T[] | undefined;

  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}) {
    this.#indexers = indexers;
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map());
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    this.#sorted ??= [...this.#objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    return this.#sorted;
  }

  /** Objects with this entry in the index, in key order. */
  byIndex(index: string, entry: string): readonly T[] {
    const keys = this.#indexes.get(index)?.get(entry);
    return keys ? [...keys].toSorted().map((key) => this.#objects.get(key) as T) : [];
  }

  set(object: T): void {
    const key = keyOf(object);
    this.#unindex(key);
    this.#objects.set(key, object);
    this.#sorted = undefined;
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const index = this.#indexes.get(name);
      for (const entry of indexer(object)) index?.set(entry, (index.get(entry) ?? new Set()).add(key));
    }
  }

  delete(key: string): void {
    this.#unindex(key);
    this.#objects.delete(key);
    this.#sorted = undefined;
  }

  #unindex(key: string): void {
    const object = this.#objects.get(key);
    if (!object) return;
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const index = this.#indexes.get(name);
      for (const entry of indexer(object)) {
        const keys = index?.get(entry);
        keys?.delete(key);
        if (keys?.size === 0) index?.delete(entry);
      }
    }
  }
}
