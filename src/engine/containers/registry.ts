import { KindError } from '../../base/errors.ts';
import type { Store, WriteOperation } from '../../store/store.ts';
import { decodeContainer, encodeContainer, type ContainerRecord } from './record.ts';

const prefix = '/containers/';

/** All containers of this engine: in memory for reading, in the store for good. A record is replaced, never changed. */
export class Registry {
  readonly #store: Store;
  readonly #records = new Map<string, ContainerRecord>();
  /** What readers see again when a change could not be written. */
  readonly #durable = new Map<string, ContainerRecord>();
  /** Facts that are not written yet: the disk was full. */
  readonly #owed = new Set<string>();
  /** Names that are being created: taken, though there is no record yet. */
  readonly #reserved = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
    for (const { value } of store.range(prefix).entries) {
      const record = decodeContainer(value);
      this.#records.set(record.id, record);
      this.#durable.set(record.id, record);
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

  /** Durable when resolved; seen by readers at once. One that cannot be written (a full disk) has never been. */
  async put(record: ContainerRecord): Promise<void> {
    const { id } = record;
    this.#records.set(id, record);
    try {
      await this.#write([{ put: prefix + id, value: encodeContainer(record) }]);
      const now = this.#records.get(id);
      // A later fact may have been noted meanwhile.
      if (now && (now === record || now !== this.#durable.get(id))) this.#durable.set(id, record);
    } catch (error) {
      const before = this.#durable.get(id);
      if (this.#records.get(id) !== record) throw error;
      if (before) this.#records.set(id, before);
      else this.#records.delete(id);
      throw error;
    }
  }

  /** Changes a record that exists; undefined when it is gone. */
  async update(id: string, change: Partial<ContainerRecord>): Promise<ContainerRecord | undefined> {
    const record = this.#records.get(id);
    if (!record) return undefined;
    const next = { ...record, ...change };
    await this.put(next);
    return next;
  }

  /** What has happened, whether it can be written or not: readers see it, and it is written with the next write that succeeds. */
  async note(id: string, change: Partial<ContainerRecord>): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    const next = { ...record, ...change };
    this.#records.set(id, next);
    this.#durable.set(id, next);
    this.#owed.add(id);
    await this.#write([]).catch(() => undefined);
  }

  async delete(id: string): Promise<void> {
    await this.#write([{ delete: prefix + id }]);
    this.#records.delete(id);
    this.#durable.delete(id);
  }

  /** As `delete`, of something that was never told to anybody: gone for readers whether it can be written or not. */
  async forget(id: string): Promise<void> {
    this.#records.delete(id);
    this.#durable.delete(id);
    this.#owed.add(id);
    await this.#write([]).catch(() => undefined);
  }

  /** With all that could not be written before, but for what these operations say anew. */
  async #write(operations: readonly WriteOperation[]): Promise<void> {
    const keys = new Set(operations.map(keyOf));
    const owed = [...this.#owed];
    this.#owed.clear();
    const late = owed.flatMap((id): readonly WriteOperation[] => {
      if (keys.has(prefix + id)) return [];
      const record = this.#records.get(id);
      return [record ? { put: prefix + id, value: encodeContainer(record) } : { delete: prefix + id }];
    });
    try {
      await this.#store.write([...late, ...operations]);
    } catch (error) {
      for (const id of owed) this.#owed.add(id);
      throw error;
    }
  }
}

function keyOf(operation: WriteOperation): string {
  return 'put' in operation ? operation.put : operation.delete;
}
