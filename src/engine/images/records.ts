import type { Store, WriteOperation } from '../../store/store.ts';

/** JSON records of one kind below a prefix of the store, parsed once per revision. */
export class Records<T> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #parsed = new Map<string, { readonly revision: number; readonly value: T }>();

  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  get(name: string): T | undefined {
    const entry = this.#store.get(this.#prefix + name);
    return entry && this.#parse(entry.key, entry.value, entry.modRevision);
  }

  list(): readonly T[] {
    return this.#store.range(this.#prefix).entries.map((entry) => this.#parse(entry.key, entry.value, entry.modRevision));
  }

  async put(name: string, value: T): Promise<void> {
    await this.#store.write([this.putting(name, value)]);
  }

  async delete(name: string): Promise<void> {
    await this.deleteAll([name]);
  }

  async deleteAll(names: readonly string[]): Promise<void> {
    if (names.length > 0) await this.#store.write(names.map((name) => this.deleting(name)));
  }

  /** Operations for a write of several kinds of records at once. */
  putting(name: string, value: T): WriteOperation {
    return { put: this.#prefix + name, value: Buffer.from(JSON.stringify(value)) };
  }

  deleting(name: string): WriteOperation {
    this.#parsed.delete(this.#prefix + name);
    return { delete: this.#prefix + name };
  }

  #parse(key: string, bytes: Uint8Array, revision: number): T {
    const known = this.#parsed.get(key);
    if (known?.revision === revision) return known.value;
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
    this.#parsed.set(key, { revision, value });
    return value;
  }
}
