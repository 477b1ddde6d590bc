import { secrets } from '../../api/kubernetes/kinds.ts';
import type { Secret } from '../../api/kubernetes/types.generated.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../client/client.ts';
import { informer, type Informer } from '../client/informer.ts';

/** Follows the named secrets and no others: more a node may not read. Keys are `namespace/name`. */
export class SecretWatches implements AsyncDisposable {
  readonly #client: Client;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #watches = new Map<string, Informer<Secret>>();

  /** `changed`: one of them came, changed or went. */
  constructor(client: Client, log: Log, changed: () => void) {
    this.#client = client;
    this.#log = log;
    this.#changed = changed;
  }

  get(namespace: string, name: string): Secret | undefined {
    return this.#watches.get(`${namespace}/${name}`)?.get(`${namespace}/${name}`);
  }

  follow(wanted: ReadonlySet<string>): void {
    for (const [key, watch] of this.#watches) {
      if (wanted.has(key)) continue;
      this.#watches.delete(key);
      void watch[Symbol.asyncDispose]();
    }
    for (const key of wanted) {
      if (this.#watches.has(key)) continue;
      const [namespace = '', name = ''] = key.split('/');
      const watch = informer(this.#client, secrets, { namespace, fieldSelector: `metadata.name=${name}`, log: this.#log });
      this.#watches.set(key, watch);
      watch.onChange(this.#changed);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch[Symbol.asyncDispose]()));
  }
}
