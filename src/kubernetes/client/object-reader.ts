import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { ObjectKey } from './client.ts';

/** A kind as discovery names it. */
export interface NamedKind extends Kind {
  readonly singular: string;
  readonly shortNames: readonly string[];
}

/** Reads objects of every kind that is served, custom ones too; what it returns is shared. */
export interface ObjectReader {
  kinds(): readonly NamedKind[];
  /** Undefined when there is no such object. */
  get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): Promise<T | undefined>;
  list<T extends KubernetesObject>(kind: Kind<T>, namespace?: string): Promise<readonly T[]>;
}
