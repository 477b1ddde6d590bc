import {
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  storageClasses,
} from '../../api/kubernetes/kinds.ts';
import type { Node, Pod } from '../../api/kubernetes/types.generated.ts';
import type { ObjectChange } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import type { Cluster } from './cluster/cluster.ts';
import { type Lookups } from './cluster/cluster.ts';
import { podInfo, type PodInfo } from './cluster/pod-info.ts';
import { isFinished } from './cluster/resources.ts';
import type { ClusterEvent } from './plugins/plugin.ts';

export interface ClusterWatcher {
  /** Something that may make room. */
  changed(event: ClusterEvent): void;
  /** A pod without a node; again when it changes. */
  waiting(info: PodInfo, previous: Pod | undefined): void;
  /** It waits no longer: placed, finished, or gone. */
  settled(uid: string, key: string): void;
}

export function lookupsOf(informers: Informers): Lookups {
  const claims = informers.of(persistentVolumeClaims);
  const volumes = informers.of(persistentVolumes);
  const classes = informers.of(storageClasses);
  const budgets = informers.of(podDisruptionBudgets);
  const all = informers.of(namespaces);
  return {
    claim: (namespace, name) => claims.get(`${namespace}/${name}`),
    volume: (name) => volumes.get(name),
    volumes: () => volumes.list(),
    storageClass: (name) => classes.get(name),
    namespaceLabels: (name) => all.get(name)?.metadata.labels,
    budgets: (namespace) => budgets.list().filter(({ metadata }) => metadata.namespace === namespace),
  };
}

/** Keeps the cluster as the API shows it and tells the watcher. Resolves when the first lists are in. */
export async function watchCluster(informers: Informers, cluster: Cluster, watcher: ClusterWatcher): Promise<void> {
  const storage = (): void => watcher.changed({ type: 'storageChanged' });
  informers.of(nodes).onChange((change) => nodeChanged(change, cluster, watcher));
  informers.of(pods).onChange((change) => podChanged(change, cluster, watcher));
  informers.of(persistentVolumeClaims).onChange(storage);
  informers.of(persistentVolumes).onChange(storage);
  informers.of(storageClasses).onChange(storage);
  informers.of(namespaces).onChange(() => watcher.changed({ type: 'namespaceChanged' }));
  await Promise.all([
    informers.of(nodes).synced,
    informers.of(pods).synced,
    informers.of(persistentVolumeClaims).synced,
    informers.of(persistentVolumes).synced,
    informers.of(storageClasses).synced,
    informers.of(podDisruptionBudgets).synced,
    informers.of(namespaces).synced,
  ]);
}

function nodeChanged({ type, object, previous }: ObjectChange<Node>, cluster: Cluster, watcher: ClusterWatcher): void {
  const name = object.metadata.name ?? '';
  if (type === 'deleted') return cluster.removeNode(name);
  const isNew = cluster.node(name) === undefined;
  cluster.setNode(object);
  const node = cluster.node(name);
  if (!node) return;
  if (isNew || !previous) return watcher.changed({ type: 'nodeAdded', node });
  const what = differences(object, previous);
  if (what.size > 0) watcher.changed({ type: 'nodeChanged', node, what });
}

/** Heartbeats change a node all the time; only some changes concern where pods fit. */
function differences(node: Node, before: Node): ReadonlySet<'labels' | 'taints' | 'allocatable' | 'images'> {
  const readyOf = ({ status }: Node): unknown => status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const facts = {
    labels: ({ metadata }: Node) => metadata.labels,
    taints: (one: Node) => [one.spec?.taints, one.spec?.unschedulable, readyOf(one)],
    allocatable: ({ status }: Node) => status?.allocatable,
    images: ({ status }: Node) => status?.images,
  } as const;
  const names = Object.keys(facts) as (keyof typeof facts)[];
  return new Set(names.filter((name) => JSON.stringify(facts[name](node)) !== JSON.stringify(facts[name](before))));
}

function podChanged({ type, object, previous }: ObjectChange<Pod>, cluster: Cluster, watcher: ClusterWatcher): void {
  const uid = object.metadata.uid ?? '';
  // A pod made anew under the same name between two looks.
  if (previous && previous.metadata.uid !== uid) podChanged({ type: 'deleted', object: previous, previous }, cluster, watcher);
  const info = podInfo(object, cluster.lookups.namespaceLabels);
  const nodeName = object.spec?.nodeName;
  const before = cluster.placedOn(uid);
  if (type === 'deleted' || isFinished(object)) {
    cluster.unplace(uid);
    cluster.denominate(uid);
    watcher.settled(uid, info.key);
    if (before !== undefined) watcher.changed({ type: 'podGone', info, nodeName: before });
    return;
  }
  if (!nodeName) {
    if (before === undefined && object.status?.nominatedNodeName) cluster.nominate(info, object.status.nominatedNodeName);
    return watcher.waiting(info, previous);
  }
  cluster.place(info, nodeName);
  cluster.denominate(uid);
  watcher.settled(uid, info.key);
  if (!previous?.spec?.nodeName) return watcher.changed({ type: 'podPlaced', info, nodeName });
  const isRelabelled = JSON.stringify(previous.metadata.labels) !== JSON.stringify(object.metadata.labels);
  if (isRelabelled) watcher.changed({ type: 'podRelabelled', info, nodeName });
}
