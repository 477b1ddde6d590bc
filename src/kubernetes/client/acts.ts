import { pods, type Kind, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Client, ObjectKey } from './client.ts';
import { splitKey } from './object-cache.ts';

/** An object as the record of acts names it. */
export interface Named {
  /** `Pod` */
  readonly kind: string;
  /** `default/web-1`, or the name alone where there is no namespace. */
  readonly key: string;
}

/** One write that succeeded. */
export interface Written {
  /** `create`, `patch status of`, `bind`, … */
  readonly verb: string;
  readonly object: Named;
  /** What it came to, where a few words say it: `3 replicas`, `to node-a`. */
  readonly detail?: string;
}

/** One thing that was done, and why. */
export interface Act extends Written {
  /** RFC 3339. */
  readonly at: string;
  /** Which controller, or the component that reported it. */
  readonly by: string;
  /** What was being reconciled. */
  readonly about: Named;
  /** What made it run: `Pod default/web-1 deleted @1042`. */
  readonly causes: readonly string[];
}

export type Record = (act: Act) => void;

/** Causes that an act keeps: one node's change may concern thousands of pods. */
const mostCauses = 8;

export function actOf(by: string, about: Named, causes: readonly string[], written: Written): Act {
  const kept = causes.length > mostCauses ? [...causes.slice(0, mostCauses), `${causes.length - mostCauses} more`] : causes;
  return { at: new Date().toISOString(), by, about, causes: kept, ...written };
}

/** `create Pod default/web-1`, for people. */
export function actText({ verb, object, detail }: Written): string {
  return `${verb} ${object.kind} ${object.key}${detail === undefined ? '' : ` (${detail})`}`;
}

/** The client, telling of each write that succeeded. */
export function recordingClient(client: Client, tell: (written: Written) => void): Client {
  const say = (verb: string, { kind }: Kind, key: Partial<ObjectKey>, detail?: string): void =>
    tell({ verb, object: { kind, key: keyText(key) }, ...(detail !== undefined && { detail }) });
  const told = async <R>(done: Promise<R>, verb: string, kind: Kind, key: Partial<ObjectKey>, detail?: string): Promise<R> => {
    const result = await done;
    say(verb, kind, key, detail);
    return result;
  };
  return {
    get: (kind, key) => client.get(kind, key),
    list: (kind, options) => client.list(kind, options),
    watch: (kind, options, signal) => client.watch(kind, options, signal),
    create: async <T extends KubernetesObject>(kind: Kind<T>, object: T) => {
      // Its name may be the server's choice.
      const made = await client.create(kind, object);
      say('create', kind, made.metadata, replicasOf(object));
      return made;
    },
    update: <T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status' | 'finalize') =>
      subresource
        ? told(client.update(kind, object, subresource), `update ${subresource} of`, kind, object.metadata)
        : told(client.update(kind, object), 'update', kind, object.metadata, replicasOf(object)),
    patch: (kind, key, patch, subresource) =>
      told(client.patch(kind, key, patch, subresource), subresource ? `patch ${subresource} of` : 'patch', kind, key),
    delete: (kind, key, options) => told(client.delete(kind, key, options), 'delete', kind, key),
    bind: async (key, nodeName) => {
      await client.bind(key, nodeName);
      say('bind', pods, key, `to ${nodeName}`);
    },
  };
}

function keyText({ namespace, name = '' }: Partial<ObjectKey>): string {
  return namespace ? `${namespace}/${name}` : name;
}

function replicasOf(object: KubernetesObject): string | undefined {
  const { replicas } = (object as { readonly spec?: { readonly replicas?: unknown } }).spec ?? {};
  return typeof replicas === 'number' ? `${replicas} replicas` : undefined;
}

/** The key as an ObjectKey. */
export const objectKey: (key: string) => ObjectKey = splitKey;
