import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { MetricSpec, MetricStatus, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Use } from '../../metrics/usage.ts';
import { isActive, isReady } from '../pod-facts.ts';

/** Differences of less than a tenth are noise. */
const tolerance = 0.1;

export interface Proposal {
  readonly replicas: number;
  readonly status: MetricStatus;
}

/**
 * Pure. Replicas that one metric asks for: usage over target, times the pods. `usage` by pod name. A pod that is not Ready or
 * tells nothing counts as idle when there should be more, and as fully used when there should be fewer. Throws why not.
 */
export function proposal(metric: MetricSpec, pods: readonly Pod[], usage: ReadonlyMap<string, Use>, current: number): Proposal {
  const { resource } = metric;
  if (metric.type !== 'Resource' || !resource) throw new Error(`metrics of type ${metric.type} are not known to davit`);
  const name = resource.name as keyof Use;
  if (name !== 'cpu' && name !== 'memory') throw new Error(`no metrics of resource ${String(resource.name)}`);
  const active = pods.filter(isActive);
  const used = active.filter((pod) => isReady(pod) && usage.has(pod.metadata.name ?? ''));
  const sum = used.reduce((total, pod) => total + (usage.get(pod.metadata.name ?? '')?.[name] ?? 0), 0);
  if (used.length === 0) throw new Error(`failed to get ${name} utilization: did not receive metrics for targeted pods`);
  const { averageUtilization, averageValue } = resource.target;
  const requests = used.map((pod) => requestOf(pod, name));
  if (averageUtilization !== undefined && requests.includes(0))
    throw new Error(`failed to get ${name} utilization: missing request for ${name}`);
  const asked = requests.reduce((total, amount) => total + amount, 0);
  const perPod = sum / used.length;
  const ratio = averageUtilization === undefined ? perPod / quantityOf(averageValue ?? '0') : sum / asked / (averageUtilization / 100);
  const averages = {
    averageValue: textOf(name, perPod),
    ...(averageUtilization !== undefined && { averageUtilization: Math.trunc((100 * sum) / asked + 1e-9) }),
  };
  const status: MetricStatus = { type: 'Resource', resource: { name, current: averages } };
  return { replicas: replicasFor(ratio, used.length, active.length, current), status };
}

function replicasFor(ratio: number, used: number, active: number, current: number): number {
  if (Math.abs(ratio - 1) <= tolerance) return current;
  const silent = active - used;
  if (silent === 0) return up(ratio * used);
  // Counted against the change: idle when growing, at the target when shrinking.
  const dampened = ratio > 1 ? (ratio * used) / active : (ratio * used + silent) / active;
  const turns = (ratio > 1 && dampened < 1) || (ratio < 1 && dampened > 1);
  return turns || Math.abs(dampened - 1) <= tolerance ? current : up(dampened * active);
}

/** Rounded up, but for the dust of binary fractions: 3.0000000000000004 pods are three. */
function up(replicas: number): number {
  return Math.ceil(replicas - 1e-9);
}

function requestOf({ spec }: Pod, name: 'cpu' | 'memory'): number {
  return (spec?.containers ?? []).reduce((total, container) => total + quantityOf(container.resources?.requests?.[name] ?? '0'), 0);
}

function textOf(name: 'cpu' | 'memory', amount: number): string {
  return name === 'cpu' ? `${Math.round(amount * 1000)}m` : String(Math.round(amount));
}
