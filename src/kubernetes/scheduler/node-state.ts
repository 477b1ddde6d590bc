import { quantityOf } from '../../api/kubernetes/quantity.ts';
import type { Node, Pod } from '../../api/kubernetes/types.generated.ts';

/** What a node has and what the pods on it ask for. CPU in cores, memory and storage in bytes. */
export interface NodeState {
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly allocatable: Resources;
  readonly requested: Resources;
}

export type Resources = Readonly<Record<string, number>>;

export function nodeState(node: Node, pods: readonly Pod[]): NodeState {
  const active = pods.filter((pod) => pod.spec?.nodeName === node.metadata.name && !isFinished(pod));
  const allocatable = mapValues(node.status?.allocatable ?? node.status?.capacity ?? {}, quantityOf);
  return { node, pods: active, allocatable, requested: active.map(podRequests).reduce(add, {}) };
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * What a pod needs at any moment: the sum of its containers and sidecars, or the largest init container together
 * with the sidecars started before it, whichever is more; plus overhead. Every pod counts as one of `pods`.
 */
export function podRequests(pod: Pod): Resources {
  let sidecars: Resources = {};
  let peak: Resources = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const own = mapValues(container.resources?.requests ?? {}, quantityOf);
    if (container.restartPolicy === 'Always') sidecars = add(sidecars, own);
    peak = greatest(peak, container.restartPolicy === 'Always' ? sidecars : add(sidecars, own));
  }
  const main = (pod.spec?.containers ?? []).map((container) => mapValues(container.resources?.requests ?? {}, quantityOf));
  const overhead = mapValues(pod.spec?.overhead ?? {}, quantityOf);
  return add(add(greatest(peak, main.reduce(add, sidecars)), overhead), { pods: 1 });
}

function add(a: Resources, b: Resources): Resources {
  return merge(a, b, (x, y) => x + y);
}

function greatest(a: Resources, b: Resources): Resources {
  return merge(a, b, Math.max);
}

function merge(a: Resources, b: Resources, combine: (x: number, y: number) => number): Resources {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, combine(a[name] ?? 0, b[name] ?? 0)]));
}

function mapValues<A>(record: Readonly<Record<string, A>>, change: (value: A) => number): Resources {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
