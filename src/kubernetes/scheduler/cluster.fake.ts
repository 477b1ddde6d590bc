import type { Node, NodeSpec, Pod, PodSpec } from '../../api/kubernetes/types.generated.ts';
import { Cluster, type Lookups, noLookups } from './cluster/cluster.ts';
import { podInfo, type PodInfo } from './cluster/pod-info.ts';
import { evaluate, type Refusal } from './evaluate.ts';
import { type Profile, profile } from './profile.ts';

/** Small clusters for tests of decisions: nodes with 2 cores, 4 GiB and room for 10 pods. */
export interface NodeFacts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NodeSpec;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly images?: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
  readonly ready?: string;
}

export function node(name: string, { labels = {}, spec = {}, allocatable = {}, images = [], ready = 'True' }: NodeFacts = {}): Node {
  const status = {
    allocatable: { cpu: '2', memory: '4Gi', pods: '10', ...allocatable },
    conditions: [{ type: 'Ready', status: ready }],
    images,
  };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, spec, status };
}

export interface PodFacts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly cpu?: string;
  readonly memory?: string;
  readonly priority?: number;
  readonly spec?: Partial<PodSpec>;
  readonly owner?: string;
  readonly startTime?: string;
  readonly namespace?: string;
}

export function pod(name: string, facts: PodFacts = {}): Pod {
  const { labels = {}, cpu, memory, priority = 0, spec = {}, owner, startTime, namespace = 'default' } = facts;
  const requests = { ...(cpu && { cpu }), ...(memory && { memory }) };
  const ownerReferences =
    owner === undefined ? [] : [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, uid: name, labels, ownerReferences },
    spec: { containers: [{ name: 'c', image: 'x', resources: { requests } }], priority, ...spec },
    status: { ...(startTime && { startTime }) },
  };
}

export function clusterOf(
  nodes: readonly Node[],
  placed: readonly (readonly [Pod, string])[] = [],
  lookups: Partial<Lookups> = {},
): Cluster {
  const cluster = new Cluster({ ...noLookups, ...lookups });
  for (const one of nodes) cluster.setNode(one);
  for (const [one, nodeName] of placed) cluster.place(infoIn(cluster, one), nodeName);
  return cluster;
}

export function infoIn(cluster: Cluster, one: Pod): PodInfo {
  return podInfo(one, cluster.lookups.namespaceLabels);
}

export const usual: Profile = profile('default-scheduler');

/** The node that is chosen, or each node's first reason: `n1: Insufficient cpu; n2: …`. */
export function decide(one: Pod, cluster: Cluster, by: Profile = usual): string {
  const evaluation = evaluate(infoIn(cluster, one), cluster, by);
  return 'nodeName' in evaluation ? evaluation.nodeName : textOf(evaluation.refusals);
}

export function textOf(refusals: readonly Refusal[]): string {
  return refusals
    .map(({ nodeName, verdict }) => `${nodeName}: ${verdict.reasons.join(', ')}`)
    .toSorted()
    .join('; ');
}
