import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { type ClusterFacts, filters } from './filters.ts';
import type { NodeState } from './node-state.ts';
import { scoreOf } from './scores.ts';

/** Where a pod goes, or why nowhere. */
export type Decision = { readonly nodeName: string } | { readonly message: string };

/** Pure: the best of the nodes that can take the pod; equal scores go to the first name. */
export function schedule(pod: Pod, states: readonly NodeState[], cluster: ClusterFacts): Decision {
  const verdicts = states.map((state) => ({
    state,
    reasons: filters.map((filter) => filter(pod, state, cluster)).find((found) => found.length > 0) ?? [],
  }));
  const feasible = verdicts
    .filter(({ reasons }) => reasons.length === 0)
    .map(({ state }) => ({ name: state.node.metadata.name ?? '', score: scoreOf(pod, state) }));
  const [best] = feasible.toSorted((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
  return best ? { nodeName: best.name } : { message: explain(verdicts.map(({ reasons }) => reasons)) };
}

/**
 * `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: 0/3 nodes are available: …`:
 * sorted, as upstream's FitError.
 */
function explain(perNode: readonly (readonly string[])[]): string {
  if (perNode.length === 0) return 'no nodes available to schedule pods';
  const evictions = perNode.map((reasons) => (reasons.every(isAboutOthers) ? noVictims : notHelpful));
  return `${counted(perNode.length, perNode.flat())} preemption: ${counted(perNode.length, evictions)}`;
}

const noVictims = 'No preemption victims found for incoming pod';
const notHelpful = 'Preemption is not helpful for scheduling';

/** Whether other pods are what stands in the way. davit evicts nobody for them: priorities are not implemented. */
function isAboutOthers(reason: string): boolean {
  return /^(Insufficient |Too many pods|node\(s\) didn't have free ports)/.test(reason);
}

function counted(nodes: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(', ')}.`;
}
