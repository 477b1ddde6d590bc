import { nodes, pods, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { LiveResource } from './live-resource.ts';
import type { Column } from './table/column.ts';
import { name } from './table/column.ts';
import type { Client } from '../client/client.ts';
import type { Usage, Use } from '../metrics/usage.ts';

/** Kubernetes' quantities, as metrics-server writes them: `11437269n`, `15820Ki`. */
interface Amounts {
  readonly cpu: string;
  readonly memory: string;
}

interface Metrics extends KubernetesObject {
  readonly timestamp: string;
  /** Go's time.Duration: `10.5s`. */
  readonly window: string;
  readonly usage?: Amounts;
  readonly containers?: readonly { readonly name: string; readonly usage: Amounts }[];
}

const group = { group: 'metrics.k8s.io', version: 'v1beta1', singular: '' } as const;

/** metrics.k8s.io/v1beta1, what `kubectl top` reads: measured when somebody asks. */
export function metricsResources(client: Client, measure: () => Promise<Usage>): readonly LiveResource[] {
  return [
    {
      ...group,
      resource: 'nodes',
      kind: 'NodeMetrics',
      namespaced: false,
      columns,
      async objects() {
        const [usage, { items }] = await Promise.all([measure(), client.list(nodes)]);
        return items.flatMap((node) => {
          const use = usage.nodes.get(node.metadata.name ?? '');
          return use ? [{ ...measured('NodeMetrics', node, usage), usage: amounts(use) }] : [];
        });
      },
    },
    {
      ...group,
      resource: 'pods',
      kind: 'PodMetrics',
      namespaced: true,
      columns,
      async objects() {
        const [usage, { items }] = await Promise.all([measure(), client.list(pods)]);
        return items.flatMap((pod) => {
          const containers = usage.pods.get(`${pod.metadata.namespace}/${pod.metadata.name}`);
          const list = [...(containers ?? [])].map(([container, use]) => ({ name: container, usage: amounts(use) }));
          return containers ? [{ ...measured('PodMetrics', pod, usage), containers: list }] : [];
        });
      },
    },
  ];
}

function measured(kind: string, { metadata }: KubernetesObject, { at, windowMs }: Usage): Metrics {
  const timestamp = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  const { namespace, labels } = metadata;
  return {
    apiVersion: 'metrics.k8s.io/v1beta1',
    kind,
    metadata: { name: metadata.name, ...(namespace && { namespace }), creationTimestamp: timestamp, ...(labels && { labels }) },
    timestamp,
    window: duration(windowMs),
  };
}

function amounts({ cpu, memory }: Use): Amounts {
  return { cpu: `${Math.round(cpu * 1e9)}n`, memory: `${Math.round(memory / 1024)}Ki` };
}

/** As Go writes a time.Duration. */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ''}${(ms - minutes * 60_000) / 1000}s`;
}

const all = (metrics: Metrics, of: keyof Amounts): string => (metrics.usage ?? metrics.containers?.[0]?.usage)?.[of] ?? '';
const column = (title: string, cell: (metrics: Metrics) => string): Column => ({ name: title, cell: (object) => cell(object as Metrics) });
const columns: readonly Column[] = [
  name,
  column('CPU', (metrics) => all(metrics, 'cpu')),
  column('Memory', (metrics) => all(metrics, 'memory')),
  column('Window', ({ window }) => window),
];
