import type { Refusal } from './evaluate.ts';

/**
 * `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: 0/3 nodes are available: …`:
 * sorted, as upstream's FitError. A reason that is the pod's own fault is said once, without a number.
 */
export function fitMessage(nodes: number, refusals: readonly Refusal[], preemption: string): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  return `${countedText(
    nodes,
    refusals.flatMap(({ verdict }) => verdict.reasons),
  )} preemption: ${preemption}`;
}

/** `0/2 nodes are available: 2 Too many pods.` */
export function countedText(nodes: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(', ')}.`;
}
