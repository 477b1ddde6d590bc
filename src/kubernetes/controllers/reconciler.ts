import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Client, ObjectKey } from '../client/client.ts';

/** Writes an Event about an object; never waits, never fails the caller. */
export type Recorder = (about: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface Context {
  readonly client: Client;
  readonly record: Recorder;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Which keys a change of some kind concerns. */
export interface Trigger {
  readonly kind: Kind;
  readonly keysOf: (object: KubernetesObject) => readonly ObjectKey[];
}

/**
 * One controller: level-triggered, so `reconcile` is told that something may have changed, never what. It reads through
 * the client, which in the server's own process shows the store itself: there is no stale cache to guard against.
 */
export interface Reconciler {
  readonly name: string;
  /** The first is of the kind that is reconciled. */
  readonly triggers: readonly Trigger[];
  reconcile(context: Context, key: ObjectKey): Promise<{ readonly requeueAfterMs: number } | undefined>;
}

export function ownKey(object: KubernetesObject): readonly ObjectKey[] {
  return [{ namespace: object.metadata.namespace, name: object.metadata.name ?? '' }];
}

/** Keys of the controlling owner of one kind. */
export function controllerKey(kind: string): Trigger['keysOf'] {
  return (object) =>
    (object.metadata.ownerReferences ?? [])
      .filter((reference) => reference.controller === true && reference.kind === kind)
      .map((reference) => ({ namespace: object.metadata.namespace, name: reference.name }));
}
