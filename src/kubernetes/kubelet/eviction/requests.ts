import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import { valueOf } from '../pod/resources.ts';

/** What a pod asked for: its containers together, or its largest init container. 0 for what nobody can ask for. */
export function requestOf(pod: Pod, resource: string): number {
  const sum = (pod.spec?.containers ?? []).reduce((total, container) => total + containerRequest(container, resource), 0);
  return Math.max(sum, ...(pod.spec?.initContainers ?? []).map((container) => containerRequest(container, resource)));
}

export function containerRequest({ resources }: Container, resource: string): number {
  return valueOf(resources?.requests, resource) ?? valueOf(resources?.limits, resource) ?? 0;
}
