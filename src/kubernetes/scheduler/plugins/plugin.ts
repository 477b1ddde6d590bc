import type { Cluster } from '../cluster/cluster.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import type { PodInfo } from '../cluster/pod-info.ts';

/** Why a node cannot take a pod. */
export interface Verdict {
  /** In kube-scheduler's words. */
  readonly reasons: readonly string[];
  /** Fewer pods on the node would not help. */
  readonly isFinal: boolean;
}

export const fewerPodsHelp = (...reasons: readonly string[]): Verdict => ({ reasons, isFinal: false });
export const final = (...reasons: readonly string[]): Verdict => ({ reasons, isFinal: true });

/** How scores of nodes become comparable, 0…100. */
export type Scale = 'asIs' | 'greatestIs100' | 'leastIs100' | 'spread';

/** A plugin's questions about one pod, prepared. What is left out has nothing to say about this pod. */
export interface Prepared {
  /** Undefined: the node can take it. */
  filter?(node: NodeInfo): Verdict | undefined;
  score?(node: NodeInfo): number;
  readonly scale?: Scale;
}

/** A change that may make room. */
export type ClusterEvent =
  | { readonly type: 'nodeAdded'; readonly node: NodeInfo }
  | { readonly type: 'nodeChanged'; readonly node: NodeInfo; readonly what: ReadonlySet<'labels' | 'taints' | 'allocatable' | 'images'> }
  | { readonly type: 'podGone' | 'podPlaced' | 'podRelabelled'; readonly info: PodInfo; readonly nodeName: string }
  | { readonly type: 'storageChanged' }
  | { readonly type: 'namespaceChanged' };

/** One of the rules by which pods are placed. Pure: reads the cluster, changes nothing. */
export interface Plugin {
  readonly name: string;
  readonly weight: number;
  /** `never`: no node can take the pod, whatever it is. */
  prepare(info: PodInfo, cluster: Cluster): Prepared | { readonly never: Verdict };
  /** Whether a pod that this plugin turned away should be tried again after the event. */
  wakes(info: PodInfo, event: ClusterEvent, cluster: Cluster): boolean;
}

export const nothing: Prepared = {};
