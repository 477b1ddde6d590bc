import { KindError } from '../../base/errors.ts';
import type { Store } from '../../store/store.ts';
import { decodeContainer, encodeContainer, type ContainerRecord } from './record.ts';

const prefix = '/containers/';

/** All containers of this engine: in memory for reading, in the store for good. A record is replaced, never changed. */
export class Registry {
  readonly #store: Store;
  readonly #records = new Map<string, ContainerRecord>();
  /** Names that are being created: taken, though there is no record yet. */
  readonly #reserved = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
    for (const { value } of store.range(prefix).entries) {
      const record = decodeContainer(value);
      this.#records.set(record.id, record);
    }
  }

  all(): readonly ContainerRecord[] {
    return [...this.#records.values()];
  }

  byId(id: string): ContainerRecord | undefined {
    return this.#records.get(id);
  }

  /** By ID, name (with or without slash) or unique prefix of an ID. */
  find(reference: string): ContainerRecord {
    const exact = this.#records.get(reference) ?? this.named(reference.replace(/^\//, ''));
    if (exact) return exact;
    const candidates = reference === '' ? [] : this.all().filter(({ id }) => id.startsWith(reference));
    if (candidates.length > 1) throw new KindError('invalid', `multiple IDs found with provided prefix: ${reference}`);
    if (!candidates[0]) throw new KindError('notFound', `No such container: ${reference}`);
    return candidates[0];
  }

  named(name: string): ContainerRecord | undefined {
    return this.all().find((record) => record.name === name);
  }

  isTaken(name: string): boolean {
    return this.#reserved.has(name) || this.named(name) !== undefined;
  }

  /** Holds a name until disposed or until the record is there. */
  reserve(name: string): Disposable {
    const holder = this.named(name);
    if (holder || this.#reserved.has(name)) {
      const by = holder ? `by container "${holder.id}"` : 'by a container that is being created';
      throw new KindError(
        'conflict',
        `Conflict. The container name "/${name}" is already in use ${by}. You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#reserved.add(name);
    return { [Symbol.dispose]: () => void this.#reserved.delete(name) };
  }

  /** Durable when resolved; seen by readers at once. */
  async put(record: ContainerRecord): Promise<void> {
    this.#records.set(record.id, record);
    await this.#store.write([{ put: prefix + record.id, value: encodeContainer(record) }]);
  }

  /** Changes a record that exists; undefined when it is gone. */
  async update(id: string, change: Partial<ContainerRecord>): Promise<ContainerRecord | undefined> {
    const record = this.#records.get(id);
    if (!record) return undefined;
    const next = { ...record, ...change };
    await this.put(next);
    return next;
  }

  async delete(id: string): Promise<void> {
    await this.#store.write([{ delete: prefix + id }]);
    this.#records.delete(id);
  }
}
