import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { matchesNodeSelection, untolerated } from '../../../api/kubernetes/node-selection.ts';
import type { TopologySpreadConstraint } from '../../../api/kubernetes/types.generated.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import type { PodInfo } from '../cluster/pod-info.ts';
import { type Labels, narrowed } from '../cluster/terms.ts';
import { withTaints } from './node-rules.ts';
import { fewerPodsHelp, final, nothing, type Plugin, type Prepared } from './plugin.ts';

interface Constraint {
  readonly source: TopologySpreadConstraint;
  readonly key: string;
  readonly maxSkew: number;
  matches(labels: Labels): boolean;
}

const missing = "node(s) didn't match pod topology spread constraints (missing required label)";
const skewed = "node(s) didn't match pod topology spread constraints";

/** Evenly over zones, hosts or whatever a label says. */
export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  weight: 2,
  prepare(info, cluster) {
    const all = info.pod.spec?.topologySpreadConstraints ?? [];
    const hard = all.filter((one) => one.whenUnsatisfiable === 'DoNotSchedule').map((one) => constraintOf(one, info));
    const soft = all.filter((one) => one.whenUnsatisfiable === 'ScheduleAnyway').map((one) => constraintOf(one, info));
    const score = all.length === 0 ? byOwner(info, cluster) : soft.length > 0 ? scoring(soft, info, cluster) : nothing;
    return { ...(hard.length > 0 ? filtering(hard, info, cluster) : nothing), ...score };
  },
  wakes(info, event) {
    if (event.type === 'nodeAdded') return true;
    if (event.type === 'nodeChanged') return event.what.has('labels') || event.what.has('taints');
    if (!('info' in event)) return false;
    const { namespace, labels } = event.info;
    const constraints = (info.pod.spec?.topologySpreadConstraints ?? []).map((one) => constraintOf(one, info));
    return event.type === 'podRelabelled' || (namespace === info.namespace && constraints.some((one) => one.matches(labels)));
  },
};

function constraintOf(source: TopologySpreadConstraint, info: PodInfo): Constraint {
  const selector = narrowed(source.labelSelector, info.labels, source.matchLabelKeys);
  return {
    source,
    key: source.topologyKey,
    maxSkew: source.maxSkew,
    matches: (labels) => selector !== undefined && matchesLabels(selector, labels),
  };
}

function isPicky({ pod }: PodInfo): boolean {
  return pod.spec?.nodeSelector !== undefined || pod.spec?.affinity?.nodeAffinity !== undefined;
}

/** Whether the pods and the domain of a node count at all. */
function countsIn({ source }: Constraint, info: PodInfo, node: NodeInfo): boolean {
  if (isPicky(info) && source.nodeAffinityPolicy !== 'Ignore' && !matchesNodeSelection(info.pod, node.node)) return false;
  return source.nodeTaintsPolicy !== 'Honor' || untolerated(info.pod, withTaints(node), ['NoSchedule', 'NoExecute']) === undefined;
}

/** Matching pods per domain; domains without any are there with 0. */
function domains(one: Constraint, keys: readonly string[], info: PodInfo, cluster: Cluster): ReadonlyMap<string, number> {
  const countsAll =
    keys.length === 1 && one.source.nodeTaintsPolicy !== 'Honor' && (!isPicky(info) || one.source.nodeAffinityPolicy === 'Ignore');
  return countsAll ? allDomains(one, info, cluster) : someDomains(one, keys, info, cluster);
}

/** Every node that has the label counts: the sums are kept. */
function allDomains(one: Constraint, info: PodInfo, cluster: Cluster): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of cluster.domainsOf(one.key)) counts.set(value, 0);
  for (const siblings of cluster.siblings()) {
    if (siblings.namespace !== info.namespace || !one.matches(siblings.labels)) continue;
    for (const [value, number] of cluster.livingByLabel(siblings, one.key)) {
      const before = counts.get(value);
      if (before !== undefined) counts.set(value, before + number);
    }
  }
  return counts;
}

function someDomains(one: Constraint, keys: readonly string[], info: PodInfo, cluster: Cluster): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const counted = new Set<NodeInfo>();
  for (const node of cluster.nodes) {
    if (keys.some((key) => node.labels[key] === undefined) || !countsIn(one, info, node)) continue;
    counted.add(node);
    const value = node.labels[one.key] ?? '';
    if (!counts.has(value)) counts.set(value, 0);
  }
  for (const { namespace, labels, living } of cluster.siblings()) {
    if (namespace !== info.namespace || !one.matches(labels)) continue;
    for (const [node, number] of living) {
      if (!counted.has(node)) continue;
      const value = node.labels[one.key] ?? '';
      counts.set(value, (counts.get(value) ?? 0) + number);
    }
  }
  return counts;
}

function filtering(hard: readonly Constraint[], info: PodInfo, cluster: Cluster): Prepared {
  const keys = hard.map(({ key }) => key);
  const rules = hard.map((one) => {
    const counts = domains(one, keys, info, cluster);
    const least = counts.size < (one.source.minDomains ?? 1) ? 0 : Math.min(...counts.values());
    return { one, counts, least, self: one.matches(info.labels) ? 1 : 0 };
  });
  return {
    filter: (node) => {
      for (const { one, counts, least, self } of rules) {
        const value = node.labels[one.key];
        if (value === undefined) return final(missing);
        const floor = Number.isFinite(least) ? least : 0;
        if ((counts.get(value) ?? 0) + self - floor > one.maxSkew) return fewerPodsHelp(skewed);
      }
      return undefined;
    },
  };
}

function scoring(soft: readonly Constraint[], info: PodInfo, cluster: Cluster): Prepared {
  const keys = soft.map(({ key }) => key);
  const rules = soft.map((one) => {
    const counts = domains(one, keys, info, cluster);
    return { one, counts, weight: Math.log(counts.size + 2) };
  });
  return {
    score: (node) => {
      let sum = 0;
      for (const { one, counts, weight } of rules) {
        const value = node.labels[one.key];
        if (value === undefined) return Number.NaN;
        sum += (counts.get(value) ?? 0) * weight + (one.maxSkew - 1);
      }
      return Math.round(sum);
    },
    scale: 'leastIs100',
  };
}

const zoneKey = 'topology.kubernetes.io/zone';
/** The default constraints of every cluster: hosts with a skew of 3, zones with 5, both wishes. */
const hostSkew = 3;
const zoneSkew = 5;

/** Without constraints of its own a pod keeps away from its controller's other pods. */
function byOwner(info: PodInfo, cluster: Cluster): Prepared {
  const owned = info.owner === undefined ? undefined : cluster.ownedBy(info.owner);
  if (!owned) return nothing;
  const zones = new Map<string, number>();
  for (const [node, number] of owned) {
    const zone = node.labels[zoneKey];
    if (zone !== undefined) zones.set(zone, (zones.get(zone) ?? 0) + number);
  }
  const hostWeight = Math.log(cluster.nodes.length + 2);
  const zoneWeight = Math.log(zones.size + 2);
  const score = (node: NodeInfo): number => {
    const zone = node.labels[zoneKey];
    const inZone = zone === undefined ? 0 : (zones.get(zone) ?? 0) * zoneWeight + (zoneSkew - 1);
    return Math.round((owned.get(node) ?? 0) * hostWeight + (hostSkew - 1) + inZone);
  };
  return { score, scale: 'leastIs100' };
}
