import type { KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Column } from './table/column.ts';

/** A kind that is never stored: its objects are made when somebody reads them. */
export interface LiveResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly columns: readonly Column[];
  /** Told with every answer. */
  readonly warnings?: readonly string[];
  objects(): Promise<readonly KubernetesObject[]>;
}
