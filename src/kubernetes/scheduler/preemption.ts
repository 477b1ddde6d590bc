import { matchesLabels } from '../../api/kubernetes/label-selector.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { NodeInfo } from './cluster/node-info.ts';
import type { PodInfo } from './cluster/pod-info.ts';
import { questionsOf, refusalOf, type Refusal } from './evaluate.ts';
import { countedText } from './fit-error.ts';
import type { Profile } from './profile.ts';

/** Pods to send away so that a more important one fits. */
export interface Preemption {
  readonly nodeName: string;
  readonly victims: readonly PodInfo[];
}

interface Candidate extends Preemption {
  /** Victims that their disruption budget does not let go. */
  readonly violations: number;
}

const noVictims = 'No preemption victims found for incoming pod';
const notHelpful = 'Preemption is not helpful for scheduling';
/** Candidates beyond this many are not looked for. */
const enoughCandidates = 100;

/** Pure. The node where making room hurts least, or why none can be made. */
export function preempt(
  info: PodInfo,
  cluster: Cluster,
  profile: Profile,
  refusals: readonly Refusal[],
): { readonly chosen: Preemption } | { readonly message: string } {
  if (info.pod.spec?.preemptionPolicy === 'Never') return { message: 'not eligible due to preemptionPolicy=Never.' };
  if (isWaiting(info, cluster)) return { message: 'not eligible due to a terminating pod on the nominated node.' };
  const found: Candidate[] = [];
  const reasons: string[] = [];
  for (const { nodeName, verdict } of refusals) {
    const node = cluster.node(nodeName);
    if (!node || verdict.isFinal) {
      reasons.push(notHelpful);
      continue;
    }
    const candidate = found.length < enoughCandidates ? candidateOn(node, info, cluster, profile) : undefined;
    if (candidate) found.push(candidate);
    else reasons.push(noVictims);
  }
  const [chosen] = found.toSorted(leastHarm);
  return chosen ? { chosen } : { message: countedText(cluster.nodes.length, reasons) };
}

/** Victims of an earlier attempt are still on their way out. */
function isWaiting(info: PodInfo, cluster: Cluster): boolean {
  const node = cluster.node(info.pod.status?.nominatedNodeName ?? '');
  return node !== undefined && [...node.pods.values()].some((other) => other.isGoing && other.priority < info.priority);
}

/** All less important pods go; then as many as possible come back, the most important and the protected first. */
function candidateOn(node: NodeInfo, info: PodInfo, cluster: Cluster, profile: Profile): Candidate | undefined {
  const lesser = [...node.pods.values()].filter((other) => other.priority < info.priority);
  if (lesser.length === 0) return undefined;
  const fitsWithout = (minus: readonly PodInfo[]): boolean =>
    cluster.supposing(node, { minus, plus: cluster.nominatedBefore(info, node.name) }, () => {
      const questions = questionsOf(info, cluster, profile);
      return refusalOf(questions, node) === undefined;
    });
  if (!fitsWithout(lesser)) return undefined;
  const isProtected = protection(lesser, cluster);
  const order = lesser.toSorted((a, b) => Number(isProtected(b)) - Number(isProtected(a)) || moreImportantFirst(a, b));
  let victims: readonly PodInfo[] = lesser;
  for (const pod of order) {
    const without = victims.filter((one) => one !== pod);
    if (fitsWithout(without)) victims = without;
  }
  return { nodeName: node.name, victims: victims.toSorted(moreImportantFirst), violations: victims.filter(isProtected).length };
}

function moreImportantFirst(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b);
}

function startOf({ pod }: PodInfo): number {
  return Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '') || Number.POSITIVE_INFINITY;
}

/** Which pods would break a budget, when they went one after the other. */
function protection(pods: readonly PodInfo[], cluster: Cluster): (info: PodInfo) => boolean {
  const allowed = new Map<object, number>();
  const broken = new Set<PodInfo>();
  for (const info of pods.toSorted(moreImportantFirst)) {
    for (const budget of cluster.lookups.budgets(info.namespace)) {
      const { spec, status } = budget;
      if (!spec?.selector || !matchesLabels(spec.selector, info.labels)) continue;
      if (status?.disruptedPods?.[info.pod.metadata.name ?? ''] !== undefined) continue;
      const left = (allowed.get(budget) ?? status?.disruptionsAllowed ?? 0) - 1;
      allowed.set(budget, left);
      if (left < 0) broken.add(info);
    }
  }
  return (info) => broken.has(info);
}

/** Fewest broken budgets, then the least important highest victim, the smallest sum, the fewest, the youngest. */
function leastHarm(a: Candidate, b: Candidate): number {
  const ranks = ({ victims, violations }: Candidate): readonly number[] => {
    const [first] = victims;
    // Shifted so that many unimportant victims weigh more than one, also with negative priorities.
    const sum = victims.reduce((total, one) => total + one.priority + 2 ** 31, 0);
    return [violations, first?.priority ?? Number.NEGATIVE_INFINITY, sum, victims.length, first ? -startOf(first) : 0];
  };
  const [left, right] = [ranks(a), ranks(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
