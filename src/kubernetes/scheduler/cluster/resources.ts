import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { Container, Pod, PodSpec } from '../../../api/kubernetes/types.generated.ts';

/** Amounts by resource name. CPU in thousandths of a core, all else in its own unit (bytes, pieces). */
export type Resources = Readonly<Record<string, number>>;

export function amountsOf(quantities: Readonly<Record<string, string | number>> | undefined): Resources {
  const amounts: Record<string, number> = {};
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    amounts[name] = name === 'cpu' ? Math.round(quantityOf(quantity) * 1000) : quantityOf(quantity);
  }
  return amounts;
}

/**
 * What a pod needs at any moment: the sum of its containers and sidecars, or the largest init container together
 * with the sidecars started before it, whichever is more; what the pod names as a whole overrides; plus overhead.
 */
export function podRequests(spec: PodSpec | undefined): Resources {
  return { ...requestsWith(spec, (container) => amountsOf(container.resources?.requests)), pods: 1 };
}

/** The same with something assumed for containers that name no CPU or memory, so that they weigh something in scores. */
export function scoredRequests(spec: PodSpec | undefined): Resources {
  return requestsWith(spec, (container) => ({ cpu: 100, memory: 200 * 1024 * 1024, ...amountsOf(container.resources?.requests) }));
}

function requestsWith(spec: PodSpec | undefined, own: (container: Container) => Resources): Resources {
  let sidecars: Resources = {};
  let peak: Resources = {};
  for (const container of spec?.initContainers ?? []) {
    const needs = own(container);
    if (container.restartPolicy === 'Always') sidecars = plus(sidecars, needs);
    peak = greatest(peak, container.restartPolicy === 'Always' ? sidecars : plus(sidecars, needs));
  }
  const main = (spec?.containers ?? []).map(own).reduce(plus, sidecars);
  const whole = amountsOf(spec?.resources?.requests);
  return plus({ ...greatest(peak, main), ...whole }, amountsOf(spec?.overhead));
}

function plus(a: Resources, b: Resources): Resources {
  return merge(a, b, (x, y) => x + y);
}

function greatest(a: Resources, b: Resources): Resources {
  return merge(a, b, Math.max);
}

function merge(a: Resources, b: Resources, combine: (x: number, y: number) => number): Resources {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = combine(sum[name] ?? 0, value);
  return sum;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
