import type { Column } from '../table/column.ts';
import { tableOf } from '../table/table.ts';
import { notFound } from '../status.ts';
import { sendJson, type Exchange } from './exchange.ts';
import { contentType, formOf } from './representation.ts';
import type { Routes } from './router.ts';

/** `kubectl get componentstatuses`: long deprecated, still asked for. Answered from what is known, never stored. */
export function serveComponentStatuses(routes: Routes, exchange: Exchange, name: string | undefined): void {
  const all = statuses(routes);
  const found = name === undefined ? undefined : all.find((one) => one.metadata.name === name);
  if (name !== undefined && !found) throw notFound({ group: '', resource: 'componentstatuses', kind: 'ComponentStatus' }, name);
  const form = formOf(exchange.headers.accept);
  const type = contentType(form, name === undefined);
  const warnings = ['v1 ComponentStatus is deprecated in v1.19+'];
  const list = { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: all };
  if (form !== 'table') return sendJson(exchange, 200, JSON.stringify(found ?? list), { type, warnings });
  const rows = found ? [found] : all;
  const table = tableOf(columns, rows, {}, { includeObject: 'Metadata', withColumns: true, now: Date.now() });
  return sendJson(exchange, 200, JSON.stringify(table), { type, warnings });
}

interface ComponentStatus {
  readonly apiVersion: 'v1';
  readonly kind: 'ComponentStatus';
  readonly metadata: { readonly name: string };
  readonly conditions: readonly { readonly type: 'Healthy'; readonly status: 'True' | 'False'; readonly message: string }[];
}

/** Controllers and scheduler run in this process: when it answers they run. */
function statuses({ registry }: Routes): readonly ComponentStatus[] {
  const isStored = registry.store.revision > 0;
  return [
    ['controller-manager', true],
    ['scheduler', true],
    ['etcd-0', isStored],
  ].map(([name, isWell]) => ({
    apiVersion: 'v1',
    kind: 'ComponentStatus',
    metadata: { name: String(name) },
    conditions: [{ type: 'Healthy', status: isWell ? 'True' : 'False', message: isWell ? 'ok' : 'the store is empty' }],
  }));
}

const conditionOf = (one: unknown): ComponentStatus['conditions'][number] | undefined => (one as ComponentStatus).conditions[0];
const columns: readonly Column[] = [
  { name: 'Name', format: 'name', cell: ({ metadata }) => metadata.name ?? '' },
  { name: 'Status', cell: (one) => (conditionOf(one)?.status === 'True' ? 'Healthy' : 'Unhealthy') },
  { name: 'Message', cell: (one) => conditionOf(one)?.message ?? '' },
  { name: 'Error', cell: () => '' },
];
