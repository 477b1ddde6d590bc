import { isDeepStrictEqual } from 'node:util';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { Container, Pod, Quantity, ResourceRequirements } from '../../../api/kubernetes/types.generated.ts';
import { requestOf } from '../eviction/requests.ts';
import { statusNamed } from './all-containers.ts';

/** Why a resize does not happen (yet): the condition PodResizePending. */
export interface PendingResize {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
}

export interface Considered {
  /** The pod with the resources it has been given, which may lag behind what it now asks for. */
  readonly pod: Pod;
  readonly pending: PendingResize | undefined;
}

/**
 * What each pod has been given of the node. A running pod's wish for other resources is granted when the node can bear it beside the
 * others. After a restart of the kubelet the pods' statuses still say what they had.
 */
export class Allocations {
  readonly #allocatable: Readonly<Record<string, Quantity>>;
  readonly #pods: () => readonly Pod[];
  readonly #given = new Map<string, ReadonlyMap<string, ResourceRequirements>>();

  constructor(allocatable: Readonly<Record<string, Quantity>>, pods: () => readonly Pod[]) {
    this.#allocatable = allocatable;
    this.#pods = pods;
  }

  consider(wished: Pod): Considered {
    const current = this.#of(wished);
    if (isSame(current, wished)) return { pod: wished, pending: undefined };
    const pending = judgeResize(wished, this.#allocatable, this.#others(wished));
    if (pending) return { pod: current, pending };
    this.#given.set(wished.metadata.uid ?? '', resourcesOf(wished));
    return { pod: wished, pending: undefined };
  }

  forget(uid: string): void {
    this.#given.delete(uid);
  }

  #of(pod: Pod): Pod {
    const uid = pod.metadata.uid ?? '';
    const given = this.#given.get(uid) ?? restored(pod);
    this.#given.set(uid, given);
    return withResources(pod, given);
  }

  #others({ metadata }: Pod): readonly Pod[] {
    return this.#pods()
      .filter(({ metadata: other, status }) => other.uid !== metadata.uid && status?.phase !== 'Failed' && status?.phase !== 'Succeeded')
      .map((pod) => this.#of(pod));
  }
}

/** In the kubelet's words; CPU in thousandths. */
export function judgeResize(
  wished: Pod,
  allocatable: Readonly<Record<string, Quantity>>,
  others: readonly Pod[],
): PendingResize | undefined {
  const of = (pod: Pod, name: string): number => Math.ceil(requestOf(pod, name) * unit(name));
  for (const name of ['cpu', 'memory']) {
    const capacity = Math.floor(quantityOf(allocatable[name] ?? 0) * unit(name));
    const requested = of(wished, name);
    if (requested > capacity)
      return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}` };
    const used = others.reduce((sum, pod) => sum + of(pod, name), 0);
    if (requested + used > capacity) {
      const message = `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
      return { reason: 'Deferred', message };
    }
  }
  return undefined;
}

function unit(name: string): number {
  return name === 'cpu' ? 1000 : 1;
}

function resizable({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
}

function resourcesOf(pod: Pod): ReadonlyMap<string, ResourceRequirements> {
  return new Map(resizable(pod).map(({ name, resources }) => [name, resources ?? {}]));
}

function restored(pod: Pod): ReadonlyMap<string, ResourceRequirements> {
  return new Map(
    resizable(pod).map(({ name, resources = {} }) => {
      const status = statusNamed(pod, name);
      if (!status?.resources) return [name, resources];
      const { requests, limits } = { ...status.resources, ...(status.allocatedResources && { requests: status.allocatedResources }) };
      return [name, { ...resources, ...(requests && { requests }), ...(limits && { limits }) }];
    }),
  );
}

function withResources(pod: Pod, given: ReadonlyMap<string, ResourceRequirements>): Pod {
  const { spec } = pod;
  if (!spec) return pod;
  const furnished = (containers: readonly Container[]): readonly Container[] =>
    containers.map((container) => {
      const resources = given.get(container.name);
      return resources ? { ...container, resources } : container;
    });
  return {
    ...pod,
    spec: {
      ...spec,
      containers: furnished(spec.containers),
      ...(spec.initContainers && { initContainers: furnished(spec.initContainers) }),
    },
  };
}

function isSame(a: Pod, b: Pod): boolean {
  const essence = (pod: Pod): unknown =>
    resizable(pod).map(({ resources }) =>
      [resources?.requests, resources?.limits].map((map = {}) => [map['cpu'], map['memory']].map((one) => quantityOf(one ?? 0))),
    );
  return isDeepStrictEqual(essence(a), essence(b));
}
