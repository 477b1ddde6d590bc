import { isKind } from '../../../base/errors.ts';
import type { Entry, Store } from '../../../store/store.ts';
import type { Body } from '../strategies/strategy.ts';
import { objectAt } from './codec.ts';

/** Stands for objects that nobody controls. */
const nobody = '';

/**
 * Who controls what, of one kind, as the store has it at each moment: what was written since the last look is put in its place before
 * the answer. Without it every reconcile of a set would read all pods of its namespace.
 */
export class OwnerIndex {
  readonly #store: Store;
  readonly #prefix: string;
  #revision: number | undefined;
  #byController = new Map<string, Map<string, Entry>>();

  /** `prefix`: of the keys of all objects of the kind. */
  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** In the order of keys: the objects that the UID controls and those that nobody controls, under a prefix of keys. */
  list(uid: string, under: string): readonly Body[] {
    this.#follow();
    const own = [...(this.#byController.get(uid)?.values() ?? []), ...(this.#byController.get(nobody)?.values() ?? [])];
    return own
      .filter(({ key }) => key.startsWith(under))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
      .map(objectAt);
  }

  #follow(): void {
    const { revision } = this.#store;
    if (revision === this.#revision) return;
    if (this.#revision === undefined) return this.#build();
    try {
      for (const { type, entry, previous } of this.#store.changesAfter(this.#revision, this.#prefix)) {
        if (previous) this.#byController.get(controllerOf(previous))?.delete(entry.key);
        if (type === 'put') this.#put(entry);
      }
      this.#revision = revision;
    } catch (error) {
      if (!isKind(error, 'expired')) throw error;
      this.#build();
    }
  }

  #build(): void {
    this.#byController = new Map();
    const { entries, revision } = this.#store.range(this.#prefix);
    for (const entry of entries) this.#put(entry);
    this.#revision = revision;
  }

  #put(entry: Entry): void {
    const controller = controllerOf(entry);
    const known = this.#byController.get(controller) ?? new Map<string, Entry>();
    this.#byController.set(controller, known.set(entry.key, entry));
  }
}

function controllerOf(entry: Entry): string {
  const { ownerReferences = [] } = objectAt(entry).metadata as {
    readonly ownerReferences?: readonly { uid: string; controller?: boolean }[];
  };
  return ownerReferences.find(({ controller }) => controller === true)?.uid ?? nobody;
}
