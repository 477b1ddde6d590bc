import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ContainerSpec, MountSpec } from '../../../engine/containers/container.ts';
import { expand } from './expand.ts';
import { podLabels } from './observed.ts';
import { limitsOf } from './resources.ts';
import { securityOf } from './security.ts';

export interface ContainerFacts {
  readonly attempt: number;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly MountSpec[];
  /** The user of the image's config. */
  readonly imageUser: string;
  readonly cgroupParent: string;
  readonly memoryCapacity: number;
  /** File that the container writes its termination message to. */
  readonly terminationLog: string;
  /** The container whose processes it is to see (`kubectl debug --target`), by the engine's ID. */
  readonly target?: string | undefined;
}

/** What the engine is asked for to run one container of a pod. Throws `invalid` when the pod's rules forbid it. */
export function containerSpecOf(pod: Pod, container: Container, facts: ContainerFacts): ContainerSpec {
  const { metadata, spec } = pod;
  const expanded = (list: readonly string[] | undefined): readonly string[] | undefined =>
    list && list.length > 0 ? list.map((text) => expand(text, facts.environment)) : undefined;
  const entrypoint = expanded(container.command);
  const command = expanded(container.args);
  return {
    name: containerName(pod, container.name, facts.attempt),
    image: container.image ?? '',
    ...(entrypoint ? { entrypoint } : {}),
    ...(command ? { command } : {}),
    env: [...facts.environment].map(([key, value]) => `${key}=${value}`),
    ...(container.workingDir ? { workingDirectory: container.workingDir } : {}),
    labels: {
      [podLabels.name]: metadata.name ?? '',
      [podLabels.namespace]: metadata.namespace ?? '',
      [podLabels.uid]: metadata.uid ?? '',
      [podLabels.container]: container.name,
      [podLabels.attempt]: String(facts.attempt),
      [podLabels.type]: 'container',
    },
    tty: container.tty ?? false,
    openStdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    restart: { name: 'no', maximumRetries: 0 },
    healthcheck: { Test: ['NONE'] },
    limits: limitsOf(pod, container, facts.memoryCapacity),
    ...securityOf(pod, container, facts.imageUser),
    mounts: [
      ...facts.mounts,
      { type: 'bind', source: facts.terminationLog, target: container.terminationMessagePath ?? '/dev/termination-log', readOnly: false },
    ],
    sandbox: metadata.uid ?? '',
    cgroupParent: facts.cgroupParent,
    ...(facts.target === undefined ? {} : { pidMode: `container:${facts.target}` as const }),
    ...(spec?.hostPID ? { pidMode: 'host' as const } : {}),
    ...(spec?.hostIPC ? { ipcMode: 'host' as const } : {}),
  };
}

/** As upstream names them, so that they are known again in `docker ps`. */
export function containerName(pod: Pod, container: string, attempt: number): string {
  const { name, namespace, uid } = pod.metadata;
  return `k8s_${container}_${name}_${namespace}_${uid}_${attempt}`;
}
