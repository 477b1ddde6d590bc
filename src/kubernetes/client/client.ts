import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';

/** What everything below the API server uses, in process or over HTTPS. Objects it returns are shared: never mutate them. Errors are KindErrors; `details` is the Status. */
export interface Client {
  get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): Promise<T>;
  list<T extends KubernetesObject>(kind: Kind<T>, options?: ListOptions & OwnedBy): Promise<ObjectList<T>>;
  /** Ends when the signal aborts or the server closes it; `expired` when the resourceVersion is too old. */
  watch<T extends KubernetesObject>(
    kind: Kind<T>,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T>;
  /** Optimistic: `conflict` unless metadata.resourceVersion is the newest. `finalize`: a Namespace's spec.finalizers. */
  update<T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status' | 'finalize'): Promise<T>;
  patch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status' | 'scale'): Promise<T>;
  delete<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** `POST …/pods/<name>/binding`. */
  bind(key: ObjectKey, nodeName: string): Promise<void>;
}

export interface TokenSpec {
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly boundObjectRef: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
}

export interface TokenClient {
  /** `POST …/serviceaccounts/<name>/token` */
  requestToken(account: ObjectKey, spec: TokenSpec): Promise<IssuedToken>;
}

export interface ObjectKey {
  /** Undefined for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface OwnedBy {
  /** Only what the owner of this UID controls and what nobody controls: what it owns and might adopt. */
  readonly controlledBy?: string | undefined;
}

export interface ObjectList<T> {
  readonly resourceVersion: string;
  readonly items: readonly T[];
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: { readonly resourceVersion: string } } };

export interface Patch {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply';
  readonly body: unknown;
  readonly fieldManager?: string;
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Whether a list for `controlledBy` shows the object. */
export function isOwnedBy({ metadata }: KubernetesObject, { controlledBy }: OwnedBy): boolean {
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  return controlledBy === undefined || controller === undefined || controller.uid === controlledBy;
}
