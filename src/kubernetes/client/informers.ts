import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from './client.ts';
import { informer, type Informer } from './informer.ts';

/** One informer per kind, shared by everything in a process, started when first asked for. */
export class Informers implements AsyncDisposable {
  readonly #client: Client;
  readonly #log: Log;
  readonly #byKind = new Map<string, Informer<KubernetesObject>>();

  constructor(client: Client, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  of<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
    const name = `${kind.resource}.${kind.group}`;
    const known = this.#byKind.get(name) ?? informer<KubernetesObject>(this.#client, kind as Kind, { log: this.#log });
    this.#byKind.set(name, known);
    return known as Informer<KubernetesObject> as Informer<T>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#byKind.values()].map((one) => one[Symbol.asyncDispose]()));
  }
}
