import type { Container, Pod, Quantity } from '../../../api/kubernetes/types.generated.ts';
import type { ResourceLimits } from '../../../engine/containers/container.ts';
import type { CgroupLimits } from '../../../kernel/cgroups.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const cpuPeriodUs = 100_000;
const minimumShares = 2;

/** Pod QoS: kubernetes.io/docs/concepts/workloads/pods/pod-qos. */
export function qosOf(pod: Pod): QosClass {
  const all = allContainers(pod);
  const has = (container: Container, kind: 'requests' | 'limits', name: string): number => valueOf(container.resources?.[kind], name) ?? 0;
  const isEmpty = all.every((container) =>
    ['cpu', 'memory'].every((name) => has(container, 'requests', name) === 0 && has(container, 'limits', name) === 0),
  );
  if (isEmpty) return 'BestEffort';
  const isGuaranteed = all.every((container) =>
    ['cpu', 'memory'].every((name) => {
      const limit = has(container, 'limits', name);
      return limit > 0 && (valueOf(container.resources?.requests, name) ?? limit) === limit;
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** cpu → shares and quota, memory → limit (without swap), as the kubelet hands them to a runtime. */
export function limitsOf(pod: Pod, container: Container, memoryCapacity: number): ResourceLimits {
  const memory = valueOf(container.resources?.limits, 'memory');
  const cpu = valueOf(container.resources?.limits, 'cpu');
  return {
    ...(memory ? { memoryBytes: memory, memorySwapBytes: memory } : {}),
    ...(cpu ? { cpuPeriodUs, cpuQuotaUs: quotaOf(cpu) } : {}),
    cpuShares: sharesOf(cpuRequestOf(container)),
    oomScoreAdj: oomScoreOf(pod, container, memoryCapacity),
  };
}

/** Limits of the pod's own cgroup: a resource is bounded only when every container bounds it. */
export function podLimitsOf(pod: Pod): CgroupLimits {
  const containers = pod.spec?.containers ?? [];
  const sum = (name: string): number | undefined => {
    const values = containers.map((container) => valueOf(container.resources?.limits, name));
    if (values.some((value) => !value)) return undefined;
    const initial = (pod.spec?.initContainers ?? []).map((container) => valueOf(container.resources?.limits, name) ?? Infinity);
    return Math.max(
      values.reduce<number>((total, value) => total + (value ?? 0), 0),
      ...initial,
    );
  };
  const memory = sum('memory');
  const cpu = sum('cpu');
  return {
    ...(memory !== undefined && memory < Infinity ? { memoryBytes: memory } : {}),
    ...(cpu !== undefined && cpu < Infinity ? { cpuPeriodUs, cpuQuotaUs: quotaOf(cpu) } : {}),
    cpuShares: sharesOf(containers.reduce((total, container) => total + cpuRequestOf(container), 0)),
  };
}

export function valueOf(map: Readonly<Record<string, Quantity>> | undefined, name: string): number | undefined {
  const quantity = map?.[name];
  return quantity === undefined ? undefined : quantityOf(quantity);
}

function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

function cpuRequestOf(container: Container): number {
  return valueOf(container.resources?.requests, 'cpu') ?? valueOf(container.resources?.limits, 'cpu') ?? 0;
}

function sharesOf(cores: number): number {
  return Math.max(minimumShares, Math.floor(cores * 1024));
}

function quotaOf(cores: number): number {
  return Math.max(1000, Math.round(cores * cpuPeriodUs));
}

/** Never below zero: lowering the score needs CAP_SYS_RESOURCE, which not every host grants. */
function oomScoreOf(pod: Pod, container: Container, memoryCapacity: number): number {
  const qos = qosOf(pod);
  if (qos === 'Guaranteed') return 0;
  if (qos === 'BestEffort') return 1000;
  const request = valueOf(container.resources?.requests, 'memory') ?? valueOf(container.resources?.limits, 'memory') ?? 0;
  return Math.min(999, Math.max(3, Math.floor(1000 - (1000 * request) / memoryCapacity)));
}
