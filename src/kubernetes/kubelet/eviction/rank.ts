import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { requestOf } from './requests.ts';
import type { SignalFacts } from './thresholds.ts';

/** What one container, or a pod as a whole, has of each resource now; undefined: not measured. */
export interface Usage {
  readonly memoryBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly inodes?: number | undefined;
  readonly pids?: number | undefined;
}

export interface PodUsage {
  readonly pod: Pod;
  readonly total: Usage;
  readonly containers: ReadonlyMap<string, Usage>;
}

const systemCritical = 2_000_000_000;

/** Never evicted: what comes from a file on the node, and what the cluster cannot do without. */
export function isCritical({ metadata, spec }: Pod): boolean {
  const source = metadata.annotations?.['kubernetes.io/config.source'];
  const isStatic = source !== undefined && source !== 'api';
  return isStatic || metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined || (spec?.priority ?? 0) >= systemCritical;
}

/**
 * Whom to evict first, in upstream's order: pods that use more than they asked for before those that do not, then the less important,
 * then who is furthest above what it asked for. Processes and inodes cannot be asked for.
 */
export function rankForEviction(all: readonly PodUsage[], resource: SignalFacts['resource']): readonly PodUsage[] {
  const candidates = all.filter(({ pod }) => !isCritical(pod));
  const facts = candidates.map((each) => {
    const used = usedOf(each.total, resource) ?? 0;
    const above = used - requestOf(each.pod, resource);
    const canAsk = resource === 'memory' || resource === 'ephemeral-storage';
    return { each, above, isAbove: canAsk && above > 0, priority: each.pod.spec?.priority ?? 0 };
  });
  return facts
    .toSorted((a, b) => Number(b.isAbove) - Number(a.isAbove) || a.priority - b.priority || b.above - a.above)
    .map(({ each }) => each);
}

export function usedOf(usage: Usage, resource: SignalFacts['resource']): number | undefined {
  const fields = { memory: usage.memoryBytes, 'ephemeral-storage': usage.diskBytes, inodes: usage.inodes, pids: usage.pids };
  return fields[resource];
}
