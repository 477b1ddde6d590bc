import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { matchesTerm, untolerated } from '../../api/kubernetes/node-selection.ts';
import { podRequests, type NodeState } from './node-state.ts';

/** 0–100, more is better. */
type Score = (pod: Pod, state: NodeState) => number;

/** Kubernetes scores a pod without requests as if it asked for these, so that such pods spread too. */
const assumed = { cpu: 0.1, memory: 200 * 2 ** 20 };

const leastAllocated: Score = (pod, state) => {
  const free = shares(pod, state).map((share) => Math.max(0, 1 - share));
  return (100 * sum(free)) / free.length;
};

const balanced: Score = (pod, state) => {
  const [cpu = 0, memory = 0] = shares(pod, state);
  return 100 * (1 - Math.abs(cpu - memory) / 2);
};

const tolerated: Score = (pod, { node }) => (untolerated(pod, node, ['PreferNoSchedule']) ? 0 : 100);

const preferred: Score = (pod, { node }) => {
  const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const total = sum(terms.map((term) => term.weight));
  return total === 0 ? 0 : (100 * sum(terms.filter((term) => matchesTerm(term.preference, node)).map((term) => term.weight))) / total;
};

/** Fewer pods of the same owner is better: a simple form of the default topology spread over hosts. */
const spread: Score = (pod, state) => {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller)?.uid;
  const siblings =
    owner === undefined ? 0 : state.pods.filter((other) => other.metadata.ownerReferences?.some(({ uid }) => uid === owner)).length;
  return 100 / (1 + siblings);
};

const weighted: readonly (readonly [Score, number])[] = [
  [leastAllocated, 1],
  [balanced, 1],
  [tolerated, 3],
  [preferred, 2],
  [spread, 2],
];

export function scoreOf(pod: Pod, state: NodeState): number {
  return sum(weighted.map(([score, weight]) => score(pod, state) * weight));
}

/** Share of CPU and memory in use once the pod is there. */
function shares(pod: Pod, state: NodeState): readonly number[] {
  const needs = podRequests(pod);
  return (['cpu', 'memory'] as const).map((name) => {
    const after = (state.requested[name] ?? 0) + (needs[name] || assumed[name]);
    return after / (state.allocatable[name] ?? Number.POSITIVE_INFINITY);
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
