import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { Column } from './column.ts';

export interface TableOptions {
  /** What a row carries besides its cells. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  /** A watch sends the columns once, with its first event. */
  readonly withColumns: boolean;
  readonly now: number;
}

/** meta.k8s.io/v1 Table: what kubectl prints. */
export function tableOf(columns: readonly Column[], objects: readonly KubernetesObject[], metadata: object, options: TableOptions): object {
  const definitions = columns.map((column) => ({
    name: column.name,
    type: column.type ?? 'string',
    format: column.format ?? '',
    description: '',
    priority: column.wide ? 1 : 0,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.withColumns ? definitions : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.now)),
      ...carried(object, options.includeObject),
    })),
  };
}

function carried(object: KubernetesObject, include: TableOptions['includeObject']): object {
  if (include === 'None') return {};
  if (include === 'Object') return { object };
  return { object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata } };
}
