import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Client, ObjectKey } from './client.ts';
import { splitKey } from './object-cache.ts';

/** One thing that a controller did, and why. */
export interface Act {
  readonly controller: string;
  /** What was being reconciled. */
  readonly key: string;
  /** What made it run: `Pod default/web-1 deleted @1042`. */
  readonly causes: readonly string[];
  /** `create Pod default/web-2` */
  readonly act: string;
  /** RFC 3339. */
  readonly at: string;
}

export type Record = (act: Act) => void;

/** The newest acts, oldest first. */
export class ActRing {
  readonly #acts: Act[] = [];
  readonly #capacity: number;

  constructor(capacity = 1000) {
    this.#capacity = capacity;
  }

  readonly record: Record = (act) => {
    this.#acts.push(act);
    if (this.#acts.length > this.#capacity) this.#acts.shift();
  };

  list(): readonly Act[] {
    return this.#acts;
  }
}

/** The client, telling of each write that succeeded. */
export function recordingClient(client: Client, tell: (act: string) => void): Client {
  const told = async <R>(done: Promise<R>, verb: string, kind: Kind, { namespace, name = '' }: Partial<ObjectKey>): Promise<R> => {
    const result = await done;
    tell(`${verb} ${kind.kind} ${namespace ? `${namespace}/` : ''}${name}`);
    return result;
  };
  return {
    get: (kind, key) => client.get(kind, key),
    list: (kind, options) => client.list(kind, options),
    watch: (kind, options, signal) => client.watch(kind, options, signal),
    create: <T extends KubernetesObject>(kind: Kind<T>, object: T) => told(client.create(kind, object), 'create', kind, object.metadata),
    update: <T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status' | 'finalize') =>
      told(client.update(kind, object, subresource), subresource ? `update ${subresource} of` : 'update', kind, object.metadata),
    patch: (kind, key, patch, subresource) =>
      told(client.patch(kind, key, patch, subresource), subresource ? `patch ${subresource} of` : 'patch', kind, key),
    delete: (kind, key, options) => told(client.delete(kind, key, options), 'delete', kind, key),
    bind: async (key, nodeName) => {
      await client.bind(key, nodeName);
      tell(`bind Pod ${key.namespace}/${key.name} to ${nodeName}`);
    },
  };
}

/** The key as an ObjectKey. */
export const objectKey: (key: string) => ObjectKey = splitKey;
