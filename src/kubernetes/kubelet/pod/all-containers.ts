import type { Container, ContainerStatus, EphemeralContainer, Pod } from '../../../api/kubernetes/types.generated.ts';

/** Every container of a pod: init containers in their order, the main ones, and those that were put into it later. */
export function allContainers({ spec }: Pod): readonly (Container | EphemeralContainer)[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

export function containerNamed(pod: Pod, name: string): Container | EphemeralContainer | undefined {
  return allContainers(pod).find((container) => container.name === name);
}

/** What is known of a container from the pod's status. */
export function statusNamed({ status }: Pod, name: string): ContainerStatus | undefined {
  return allStatuses({ status }).find((each) => each.name === name);
}

export function allStatuses({ status }: Pick<Pod, 'status'>): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])];
}

/** The field of the spec that a container stands in. */
export function fieldOf({ spec }: Pod, name: string): 'initContainers' | 'containers' | 'ephemeralContainers' {
  if (spec?.initContainers?.some((each) => each.name === name)) return 'initContainers';
  return spec?.ephemeralContainers?.some((each) => each.name === name) ? 'ephemeralContainers' : 'containers';
}
