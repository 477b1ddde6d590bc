import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import { valueOf } from '../pod/resources.ts';

/** Bytes on disk of one pod. */
export interface LocalStorage {
  /** By volume name; what lives in memory is not among them. */
  readonly emptyDirs: ReadonlyMap<string, number>;
  /** Writable layer and logs, by container name. */
  readonly containers: ReadonlyMap<string, number>;
}

const resource = 'ephemeral-storage';

/** Whether somebody has to measure: the pod's disk use is bounded in some way. */
export function boundsLocalStorage(pod: Pod): boolean {
  const hasDirLimit = (pod.spec?.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory');
  return hasDirLimit || (pod.spec?.containers ?? []).some(({ resources }) => valueOf(resources?.limits, resource) !== undefined);
}

/** Why the pod is evicted for what it has on disk, in upstream's order and words; undefined: it keeps to its limits. */
export function storageExcess(pod: Pod, used: LocalStorage): string | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    if (limit !== undefined && (used.emptyDirs.get(name) ?? 0) > quantityOf(limit))
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  const limits = (pod.spec?.containers ?? []).map((container) => ({ name: container.name, text: container.resources?.limits?.[resource] }));
  const bound = limits.every(({ text }) => text !== undefined) ? sum(limits.map(({ text }) => quantityOf(text ?? 0))) : undefined;
  const total = sum([...used.emptyDirs.values(), ...used.containers.values()]);
  if (bound !== undefined && total > bound) {
    const text = limits.length === 1 ? String(limits[0]?.text) : String(bound);
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${text}. `;
  }
  const over = limits.find(({ name, text }) => text !== undefined && (used.containers.get(name) ?? 0) > quantityOf(text));
  return over && `Container ${over.name} exceeded its local ephemeral storage limit "${over.text}". `;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
