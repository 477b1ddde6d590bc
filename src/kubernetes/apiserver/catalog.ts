import type { LiveResource } from './live-resource.ts';
import { resources, type Resource } from './resources.ts';

const keyOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;

/** Every resource that is served: those that are built in, and those that custom resource definitions add. */
export class Catalog {
  readonly #byPath = new Map(resources.map((one) => [keyOf(one.group, one.version, one.resource), one]));
  readonly #custom = new Map<string, readonly Resource[]>();
  readonly #live: LiveResource[] = [];
  readonly #listeners: (() => void)[] = [];
  #generation = 0;
  #all: readonly Resource[] = resources;

  /** Changes whenever the resources do. */
  get generation(): number {
    return this.#generation;
  }

  get all(): readonly Resource[] {
    return this.#all;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(keyOf(group, version, plural));
  }

  /** The resource of a kind, where only its apiVersion and name are known. */
  findKind(group: string, version: string, kind: string): Resource | undefined {
    return this.#all.find((one) => one.group === group && one.version === version && one.kind === kind);
  }

  /** What is served without being stored. */
  get live(): readonly LiveResource[] {
    return this.#live;
  }

  addLive(...added: readonly LiveResource[]): void {
    this.#live.push(...added);
    this.#generation += 1;
    for (const listener of this.#listeners) listener();
  }

  /** Called whenever the resources change, for as long as the catalog lives. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Sets what one definition adds; an empty list takes it away. */
  define(owner: string, added: readonly Resource[]): void {
    for (const one of this.#custom.get(owner) ?? []) this.#byPath.delete(keyOf(one.group, one.version, one.resource));
    if (added.length === 0) this.#custom.delete(owner);
    else this.#custom.set(owner, added);
    for (const one of added) this.#byPath.set(keyOf(one.group, one.version, one.resource), one);
    this.#all = [...resources, ...[...this.#custom.values()].flat()];
    this.#generation += 1;
    for (const listener of this.#listeners) listener();
  }
}
