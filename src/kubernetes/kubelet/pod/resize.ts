import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ResourceLimits } from '../../../engine/containers/container.ts';
import { latest, type ObservedContainer, type ObservedPod } from './observed.ts';
import { limitsOf } from './resources.ts';

/** What the kernel holds a running container to and what it should; undefined when they agree. */
export interface LimitChange {
  readonly limits: ResourceLimits;
  /** A resource has changed that the container wants to be started anew for. */
  readonly needsRestart: boolean;
}

export function limitChange(pod: Pod, container: Container, running: ObservedContainer, memoryCapacity: number): LimitChange | undefined {
  const { limits: now } = running;
  if (!now) return undefined;
  const limits = limitsOf(pod, container, memoryCapacity);
  const differs = (field: keyof ResourceLimits): boolean => limits[field] !== undefined && limits[field] !== now[field];
  const changed = [...(differs('cpuQuotaUs') || differs('cpuShares') ? ['cpu'] : []), ...(differs('memoryBytes') ? ['memory'] : [])];
  if (changed.length === 0) return undefined;
  const policies = container.resizePolicy ?? [];
  const needsRestart = policies.some((each) => each.restartPolicy === 'RestartContainer' && changed.includes(each.resourceName));
  return { limits, needsRestart };
}

/** Whether some container does not have yet what its pod was given. */
export function isResizing(pod: Pod, observed: ObservedPod, memoryCapacity: number): boolean {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((container) => {
    const last = latest(observed, container.name);
    return last?.state === 'running' && limitChange(pod, container, last, memoryCapacity) !== undefined;
  });
}
