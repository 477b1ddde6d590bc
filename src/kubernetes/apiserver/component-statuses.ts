import type { KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Store } from '../../store/store.ts';
import type { LiveResource } from './live-resource.ts';
import type { Column } from './table/column.ts';
import { name } from './table/column.ts';

interface ComponentStatus extends KubernetesObject {
  readonly conditions: readonly { readonly type: 'Healthy'; readonly status: 'True' | 'False'; readonly message: string }[];
}

/** `kubectl get componentstatuses`: long deprecated, still asked for. Controllers and scheduler run in this process: when it answers they run. */
export function componentStatuses(store: Pick<Store, 'revision'>): LiveResource {
  return {
    group: '',
    version: 'v1',
    resource: 'componentstatuses',
    singular: 'componentstatus',
    kind: 'ComponentStatus',
    namespaced: false,
    shortNames: ['cs'],
    columns,
    warnings: ['v1 ComponentStatus is deprecated in v1.19+'],
    async objects() {
      const states = { 'controller-manager': true, scheduler: true, 'etcd-0': store.revision > 0 };
      return Object.entries(states).map(([component, isWell]) => statusOf(component, isWell ? undefined : 'the store is empty'));
    },
  };
}

function statusOf(component: string, trouble: string | undefined): ComponentStatus {
  const condition = { type: 'Healthy', status: trouble === undefined ? 'True' : 'False', message: trouble ?? 'ok' } as const;
  return { apiVersion: 'v1', kind: 'ComponentStatus', metadata: { name: component }, conditions: [condition] };
}

const conditionOf = (one: KubernetesObject): ComponentStatus['conditions'][number] | undefined => (one as ComponentStatus).conditions[0];
const columns: readonly Column[] = [
  name,
  { name: 'Status', cell: (one) => (conditionOf(one)?.status === 'True' ? 'Healthy' : 'Unhealthy') },
  { name: 'Message', cell: (one) => conditionOf(one)?.message ?? '' },
  { name: 'Error', cell: () => '' },
];
