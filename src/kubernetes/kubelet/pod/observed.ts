import type { Container, ResourceLimits } from '../../../engine/containers/container.ts';
import type { Sandbox } from '../../../engine/containers/sandboxes.ts';

/** Labels by which a pod's sandbox and containers are found again, as upstream names them. */
export const podLabels = {
  name: 'io.kubernetes.pod.name',
  namespace: 'io.kubernetes.pod.namespace',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
  attempt: 'io.kubernetes.container.restartCount',
  type: 'io.kubernetes.docker.type',
} as const;

/** One attempt at running one container of a pod, as the engine knows it. */
export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  /** 0 for the first; the restart count of this attempt. */
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited';
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly error: string | undefined;
  readonly image: string;
  readonly imageId: string;
  readonly limits?: ResourceLimits | undefined;
}

/** A pod as the engine knows it: everything the plan and the status are computed from. */
export interface ObservedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly sandbox: Sandbox | undefined;
  /** Newest attempt first. */
  readonly containers: readonly ObservedContainer[];
}

export function observe(
  uid: string,
  key: { readonly namespace: string; readonly name: string },
  sandbox: Sandbox | undefined,
  containers: readonly Container[],
): ObservedPod {
  const own = containers.filter((container) => container.labels[podLabels.uid] === uid && !container.isRemoving);
  return {
    uid,
    ...key,
    sandbox,
    containers: own.map(toObserved).toSorted((a, b) => b.attempt - a.attempt || b.createdAt.getTime() - a.createdAt.getTime()),
  };
}

/** The newest attempt of a container, if there is one. */
export function latest(observed: ObservedPod, name: string): ObservedContainer | undefined {
  return observed.containers.find((container) => container.name === name);
}

function toObserved(container: Container): ObservedContainer {
  return {
    id: container.id,
    name: container.labels[podLabels.container] ?? '',
    attempt: Number(container.labels[podLabels.attempt] ?? 0),
    state: stateOf(container),
    createdAt: container.createdAt,
    startedAt: container.startedAt,
    finishedAt: container.finishedAt ?? (container.error === undefined ? undefined : container.createdAt),
    exitCode: container.exitCode ?? 128,
    oomKilled: container.oomKilled,
    error: container.error || undefined,
    image: container.spec.image,
    imageId: container.imageId,
    limits: container.spec.limits,
  };
}

/** A process that ends at once may be seen to end before its start was recorded: times do not tell, the facts do. */
function stateOf(container: Container): ObservedContainer['state'] {
  if (container.pid !== undefined) return 'running';
  return container.finishedAt || container.error ? 'exited' : 'created';
}
