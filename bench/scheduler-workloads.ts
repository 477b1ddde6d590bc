import type { Node, Pod, PodSpec } from '../src/api/kubernetes/types.generated.ts';

/** Counts are those for 5,000 nodes; for fewer they shrink alike. */
export interface Workload {
  readonly name: string;
  /** Pods per second, upstream's own threshold. */
  readonly threshold: number;
  readonly initial: number;
  readonly measured: number;
  node(index: number): Node;
  initialPod(index: number): Pod;
  measuredPod(index: number): Pod;
  readonly churn?: { node(index: number): Node; pod(index: number): Pod };
}

const zones = ['moon-1', 'moon-2', 'moon-3'];

function node(index: number, zone?: string, prefix = 'scheduler-perf'): Node {
  const amounts = { cpu: '4', memory: '32Gi', pods: '110' };
  const labels = { 'kubernetes.io/hostname': `${prefix}-${index}`, ...(zone && { 'topology.kubernetes.io/zone': zone }) };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { capacity: amounts, allocatable: amounts, conditions };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: `${prefix}-${index}`, labels }, status };
}

interface PodFacts {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
}

function pod(name: string, { namespace = 'sched-1', labels, spec }: PodFacts = {}): Pod {
  const requests = { cpu: '100m', memory: '500Mi' };
  const containers = [
    { name: 'pause', image: 'registry.k8s.io/pause:3.10', ports: [{ containerPort: 80 }], resources: { requests, limits: requests } },
  ];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, labels }, spec: { containers, ...spec } };
}

const zoneKey = 'topology.kubernetes.io/zone';
const inZones = { nodeSelectorTerms: [{ matchExpressions: [{ key: zoneKey, operator: 'In', values: ['zone1', 'zone2'] }] }] };
const labelled = (color: string, topologyKey: string) => [
  { labelSelector: { matchLabels: { color } }, topologyKey, namespaces: ['sched-1', 'sched-0'] },
];

export const workloads: readonly Workload[] = [
  {
    name: 'basic',
    threshold: 680,
    initial: 1000,
    measured: 10_000,
    node: (index) => node(index),
    initialPod: (index) => pod(`init-${index}`),
    measuredPod: (index) => pod(`pod-${index}`),
  },
  {
    name: 'spread',
    threshold: 460,
    initial: 5000,
    measured: 5000,
    node: (index) => node(index, zones[index % 3]),
    initialPod: (index) => pod(`init-${index}`),
    measuredPod: (index) =>
      pod(`pod-${index}`, {
        labels: { color: 'blue' },
        spec: {
          topologySpreadConstraints: [
            { maxSkew: 5, topologyKey: zoneKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { color: 'blue' } } },
          ],
        },
      }),
  },
  {
    name: 'nodeaffinity',
    threshold: 220,
    initial: 5000,
    measured: 10_000,
    node: (index) => node(index, 'zone1'),
    initialPod: (index) => pod(`init-${index}`),
    measuredPod: (index) =>
      pod(`pod-${index}`, {
        spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: inZones } } },
      }),
  },
  {
    name: 'antiaffinity',
    threshold: 60,
    initial: 1000,
    measured: 2000,
    node: (index) => node(index),
    initialPod: (index) => antiAffine(`init-${index}`, 'sched-0'),
    measuredPod: (index) => antiAffine(`pod-${index}`, 'sched-1'),
  },
  {
    name: 'affinity',
    threshold: 35,
    initial: 5000,
    measured: 5000,
    node: (index) => node(index, 'zone1'),
    initialPod: (index) => affine(`init-${index}`, 'sched-0'),
    measuredPod: (index) => affine(`pod-${index}`, 'sched-1'),
  },
  {
    name: 'churn',
    threshold: 710,
    initial: 0,
    measured: 10_000,
    node: (index) => node(index),
    initialPod: (index) => pod(`init-${index}`),
    measuredPod: (index) => pod(`pod-${index}`),
    churn: {
      node: (index) => node(index, undefined, 'churn'),
      pod: (index) => {
        const base = pod(`churn-${index}`, { namespace: 'sched-0', labels: { churn: 'yes' } });
        const requests = { cpu: '8', memory: '100Gi' };
        const containers = (base.spec?.containers ?? []).map((one) => ({ ...one, resources: { requests, limits: requests } }));
        return { ...base, spec: { ...base.spec, containers } };
      },
    },
  },
];

function antiAffine(name: string, namespace: string): Pod {
  const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: labelled('green', 'kubernetes.io/hostname') };
  return pod(name, { namespace, labels: { color: 'green' }, spec: { affinity: { podAntiAffinity } } });
}

function affine(name: string, namespace: string): Pod {
  const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: labelled('blue', zoneKey) };
  return pod(name, { namespace, labels: { color: 'blue' }, spec: { affinity: { podAffinity } } });
}
