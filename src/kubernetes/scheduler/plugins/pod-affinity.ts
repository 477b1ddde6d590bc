import type { Cluster } from '../cluster/cluster.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import type { PodInfo } from '../cluster/pod-info.ts';
import type { Term } from '../cluster/terms.ts';
import { fewerPodsHelp, final, nothing, type Plugin, type Prepared, type Verdict } from './plugin.ts';

/** Required affinity of pods that are there already counts this much for a newcomer that fulfils it. */
const hardWeight = 1;

/** Pods per value of a topology label, for one term. */
type Counts = ReadonlyMap<string, number>;

/** Near some pods and away from others: the pod's own terms, and those of the pods that are there. */
export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  weight: 2,
  prepare(info, cluster) {
    return { ...filtering(info, cluster), ...scoring(info, cluster) };
  },
  wakes(info, event) {
    if (event.type === 'nodeAdded' || event.type === 'namespaceChanged') return true;
    if (event.type === 'nodeChanged') return event.what.has('labels');
    if (event.type === 'storageChanged') return false;
    const { namespace, labels } = event.info;
    if (event.type === 'podGone')
      return event.info.antiAffinity.length > 0 || info.antiAffinity.some((term) => term.matches(namespace, labels));
    return info.affinity.some((term) => term.matches(namespace, labels)) || event.type === 'podRelabelled';
  },
};

function filtering(info: PodInfo, cluster: Cluster): Prepared {
  const forbidden = forbiddenByOthers(info, cluster);
  if (forbidden.size === 0 && info.affinity.length === 0 && info.antiAffinity.length === 0) return nothing;
  const together = info.affinity.length > 0 ? countsOfAll(info.affinity, cluster) : [];
  const apart = info.antiAffinity.map((term) => countsOf(term, cluster));
  const isFirst =
    info.affinity.length > 0 &&
    together.every((counts) => counts.size === 0) &&
    info.affinity.every((term) => term.matches(info.namespace, info.labels));
  return {
    filter: (node): Verdict | undefined => {
      if (!isNear(info.affinity, together, node, isFirst)) return final("node(s) didn't match pod affinity rules");
      if (info.antiAffinity.some((term, index) => hasIn(apart[index], term, node))) {
        return fewerPodsHelp("node(s) didn't match pod anti-affinity rules");
      }
      for (const [key, values] of forbidden) {
        const value = node.labels[key];
        if (value !== undefined && values.has(value)) return fewerPodsHelp("node(s) didn't satisfy existing pods anti-affinity rules");
      }
      return undefined;
    },
  };
}

/** The first pod of a group that wants to be together needs somewhere to begin. */
function isNear(terms: readonly Term[], counts: readonly Counts[], node: NodeInfo, isFirst: boolean): boolean {
  return terms.every((term, index) => {
    const value = node.labels[term.topologyKey];
    return value !== undefined && (isFirst || (counts[index]?.get(value) ?? 0) > 0);
  });
}

function hasIn(counts: Counts | undefined, term: Term, node: NodeInfo): boolean {
  const value = node.labels[term.topologyKey];
  return value !== undefined && (counts?.get(value) ?? 0) > 0;
}

/** Topology values that pods with anti-affinity towards this one hold. */
function forbiddenByOthers(info: PodInfo, cluster: Cluster): ReadonlyMap<string, ReadonlySet<string>> {
  const forbidden = new Map<string, Set<string>>();
  for (const { info: other, nodes } of cluster.opinionated()) {
    for (const term of other.antiAffinity) {
      if (!term.matches(info.namespace, info.labels)) continue;
      const values = forbidden.get(term.topologyKey) ?? new Set();
      forbidden.set(term.topologyKey, values);
      for (const { labels } of nodes.keys()) {
        const value = labels[term.topologyKey];
        if (value !== undefined) values.add(value);
      }
    }
  }
  return forbidden;
}

function countsOf(term: Term, cluster: Cluster): Counts {
  return countsOfAll([term], cluster)[0] ?? new Map();
}

/** For each term, pods that match all the terms, by the term's topology. */
function countsOfAll(terms: readonly Term[], cluster: Cluster): readonly Counts[] {
  const counts = terms.map(() => new Map<string, number>());
  for (const { namespace, labels, all } of cluster.siblings()) {
    if (!terms.every((term) => term.matches(namespace, labels))) continue;
    for (const [node, number] of all) {
      for (const [index, term] of terms.entries()) {
        const value = node.labels[term.topologyKey];
        if (value !== undefined) counts[index]?.set(value, (counts[index]?.get(value) ?? 0) + number);
      }
    }
  }
  return counts;
}

function scoring(info: PodInfo, cluster: Cluster): Prepared {
  const sums = new Map<string, Map<string, number>>();
  const note = (key: string, node: NodeInfo, weight: number): void => {
    const value = node.labels[key];
    if (value === undefined || weight === 0) return;
    const byValue = sums.get(key) ?? new Map<string, number>();
    sums.set(key, byValue.set(value, (byValue.get(value) ?? 0) + weight));
  };
  if (info.preferred.length > 0) {
    for (const { namespace, labels, all } of cluster.siblings()) {
      for (const term of info.preferred) {
        if (!term.matches(namespace, labels)) continue;
        for (const [node, number] of all) note(term.topologyKey, node, term.weight * number);
      }
    }
  }
  for (const { info: other, nodes } of cluster.opinionated()) {
    for (const [terms, hard] of [
      [other.preferred, undefined],
      [other.affinity, hardWeight],
    ] as const) {
      for (const term of terms) {
        if (!term.matches(info.namespace, info.labels)) continue;
        for (const [node, number] of nodes) note(term.topologyKey, node, (hard ?? term.weight) * number);
      }
    }
  }
  if (sums.size === 0) return nothing;
  const score = ({ labels }: NodeInfo): number => {
    let sum = 0;
    for (const [key, byValue] of sums) sum += byValue.get(labels[key] ?? '') ?? 0;
    return sum;
  };
  return { score, scale: 'spread' };
}
