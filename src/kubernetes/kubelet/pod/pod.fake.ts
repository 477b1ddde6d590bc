import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ObservedContainer, ObservedPod } from './observed.ts';
import type { PlanFacts } from './plan.ts';

/** Pods and observations for tables of tests. */
export const now = new Date('2026-11-23T12:00:00Z');

export function podOf(
  spec: Partial<NonNullable<Pod['spec']>> = {},
  rest: { readonly metadata?: Partial<Pod['metadata']>; readonly status?: Pod['status'] } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u1', ...rest.metadata },
    spec: { containers: [appContainer()], ...spec },
    ...(rest.status ? { status: rest.status } : {}),
  };
}

export function appContainer(fields: Partial<Container> = {}): Container {
  return { name: 'app', image: 'busybox:1', ...fields };
}

export function attemptOf(fields: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id: 'c1',
    name: 'app',
    attempt: 0,
    state: 'running',
    createdAt: now,
    startedAt: now,
    finishedAt: undefined,
    exitCode: 0,
    oomKilled: false,
    error: undefined,
    image: 'busybox:1',
    imageId: 'sha256:1',
    ...fields,
  };
}

export function exitedOf(exitCode: number, secondsAgo: number, fields: Partial<ObservedContainer> = {}): ObservedContainer {
  return attemptOf({ state: 'exited', exitCode, finishedAt: new Date(now.getTime() - secondsAgo * 1000), ...fields });
}

export function observedOf(containers: readonly ObservedContainer[], sandbox = true): ObservedPod {
  const spec = {
    id: 'u1',
    name: 'default/web',
    hostname: 'web',
    network: 'pods',
    dns: { servers: [], search: [], options: [] },
    hosts: [],
    sysctls: {},
    ports: [],
    labels: {},
  };
  return {
    uid: 'u1',
    namespace: 'default',
    name: 'web',
    sandbox: sandbox ? { spec, ip: '10.244.0.5', netnsPath: '/run/n', createdAt: now } : undefined,
    containers,
  };
}

export function factsOf(fields: Partial<PlanFacts> = {}): PlanFacts {
  return { now, probes: new Map(), backoffs: new Map(), isSandboxAlive: true, ...fields };
}
