import type { Cluster } from './cluster/cluster.ts';
import type { NodeInfo } from './cluster/node-info.ts';
import type { PodInfo } from './cluster/pod-info.ts';
import type { Plugin, Prepared, Scale, Verdict } from './plugins/plugin.ts';
import type { Profile } from './profile.ts';

/** Why one node was refused, and by whom. */
export interface Refusal {
  readonly nodeName: string;
  readonly plugin: string;
  readonly verdict: Verdict;
}

export type Evaluation =
  | { readonly nodeName: string; readonly examined: number }
  | { readonly refusals: readonly Refusal[]; readonly examined: number };

/** A plugin with its answer to a pod. */
interface Rule {
  readonly plugin: Plugin;
  readonly prepared: Prepared;
}

/** All of a profile's questions about one pod; `never` when some plugin refuses every node. */
export interface Questions {
  readonly rules: readonly Rule[];
  readonly never: { readonly plugin: string; readonly verdict: Verdict } | undefined;
}

export function questionsOf(info: PodInfo, cluster: Cluster, { plugins }: Profile): Questions {
  const rules: Rule[] = [];
  for (const plugin of plugins) {
    const prepared = plugin.prepare(info, cluster);
    if ('never' in prepared) return { rules, never: { plugin: plugin.name, verdict: prepared.never } };
    rules.push({ plugin, prepared });
  }
  return { rules, never: undefined };
}

/** The first refusal of a node. */
export function refusalOf({ rules, never }: Questions, node: NodeInfo): Refusal | undefined {
  if (never) return { nodeName: node.name, ...never };
  for (const { plugin, prepared } of rules) {
    const verdict = prepared.filter?.(node);
    if (verdict) return { nodeName: node.name, plugin: plugin.name, verdict };
  }
  return undefined;
}

/** Every refusal of a node: for explanations. */
export function allRefusals({ rules, never }: Questions, node: NodeInfo): readonly Refusal[] {
  const others = rules.flatMap(({ plugin, prepared }) => {
    const verdict = prepared.filter?.(node);
    return verdict ? [{ nodeName: node.name, plugin: plugin.name, verdict }] : [];
  });
  return never ? [...others, { nodeName: node.name, ...never }] : others;
}

/** The first refusal with pods counted in that were promised the node's room. */
function refusalWithNominated(
  info: PodInfo,
  cluster: Cluster,
  profile: Profile,
  questions: Questions,
  node: NodeInfo,
): Refusal | undefined {
  const promised = cluster.nominatedBefore(info, node.name);
  if (promised.length > 0) {
    const crowded = cluster.supposing(node, { plus: promised }, () => refusalOf(questionsOf(info, cluster, profile), node));
    if (crowded) return crowded;
  }
  return refusalOf(questions, node);
}

/** Nodes that suffice to choose from: all up to a hundred, of 5,000 a tenth. */
export function enough(nodes: number): number {
  if (nodes <= 100) return nodes;
  const percent = Math.max(5, 50 - nodes / 125);
  return Math.max(100, Math.floor((nodes * percent) / 100));
}

/** The best of the nodes that can take the pod, among the first `enough` from index `from` on; else every refusal. */
export function evaluate(info: PodInfo, cluster: Cluster, profile: Profile, from = 0): Evaluation {
  const questions = questionsOf(info, cluster, profile);
  const nodes = candidates(info, cluster);
  const wanted = enough(nodes.length);
  const feasible: NodeInfo[] = [];
  const refusals: Refusal[] = [];
  let examined = 0;
  for (; examined < nodes.length && feasible.length < wanted; examined++) {
    const node = nodes[(from + examined) % nodes.length] as NodeInfo;
    const refusal = refusalWithNominated(info, cluster, profile, questions, node);
    if (refusal) refusals.push(refusal);
    else feasible.push(node);
  }
  const [only] = feasible;
  if (!only) return { refusals: [...refusals, ...elsewhere(nodes, cluster)], examined };
  return { nodeName: feasible.length === 1 ? only.name : best(questions, feasible).name, examined };
}

/** A pod that names its only node (a daemon's) need not ask the others. */
function candidates({ pod }: PodInfo, cluster: Cluster): readonly NodeInfo[] {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const [field] = terms?.length === 1 ? (terms[0]?.matchFields ?? []) : [];
  if (field?.key !== 'metadata.name' || field.operator !== 'In') return cluster.nodes;
  return (field.values ?? []).flatMap((name) => cluster.node(name) ?? []);
}

function elsewhere(asked: readonly NodeInfo[], cluster: Cluster): readonly Refusal[] {
  if (asked === cluster.nodes) return [];
  const known = new Set(asked);
  const verdict = { reasons: ["node(s) didn't match Pod's node affinity/selector"], isFinal: true };
  return cluster.nodes.filter((node) => !known.has(node)).map(({ name }) => ({ nodeName: name, plugin: 'NodeAffinity', verdict }));
}

function best({ rules }: Questions, nodes: readonly NodeInfo[]): NodeInfo {
  const totals = new Float64Array(nodes.length);
  for (const { plugin, prepared } of rules) {
    const { score, scale = 'asIs' } = prepared;
    if (!score) continue;
    const scores = scaled(
      Float64Array.from(nodes, (node) => score(node)),
      scale,
    );
    for (const [index, value] of scores.entries()) totals[index] = (totals[index] ?? 0) + Math.trunc(value) * plugin.weight;
  }
  let chosen = 0;
  for (let index = 1; index < totals.length; index++) if ((totals[index] ?? 0) > (totals[chosen] ?? 0)) chosen = index;
  return nodes[chosen] as NodeInfo;
}

/** To 0…100; NaN (nothing to score by) becomes 0. */
function scaled(scores: Float64Array, scale: Scale): Float64Array {
  if (scale === 'asIs') return scores;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  return scores.map((score) => {
    if (Number.isNaN(score)) return 0;
    if (scale === 'greatestIs100') return most === 0 ? 0 : (100 * score) / most;
    if (scale === 'leastIs100') return most === 0 ? 100 : (100 * (most + Math.min(least, most) - score)) / most;
    return most === least ? 0 : (100 * (score - least)) / (most - least);
  });
}
