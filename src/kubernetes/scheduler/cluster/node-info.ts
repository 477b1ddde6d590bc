import type { Node, Taint } from '../../../api/kubernetes/types.generated.ts';
import type { PodInfo } from './pod-info.ts';
import { amountsOf, type Resources } from './resources.ts';
import type { Labels } from './terms.ts';

/** A node with the pods on it and the sums of what they ask for, kept up to date pod by pod. */
export class NodeInfo {
  readonly name: string;
  readonly pods = new Map<string, PodInfo>();
  readonly requested: Record<string, number> = {};
  /** With assumed amounts for containers that name none: for scores. */
  readonly scored = { cpu: 0, memory: 0 };
  node: Node;
  labels: Labels;
  allocatable: Resources;
  taints: readonly Taint[];
  /** Bytes by image name. */
  images: ReadonlyMap<string, number>;

  constructor(node: Node) {
    this.name = node.metadata.name ?? '';
    this.node = node;
    this.labels = {};
    this.allocatable = {};
    this.taints = [];
    this.images = new Map();
    this.update(node);
  }

  update(node: Node): void {
    this.node = node;
    this.labels = node.metadata.labels ?? {};
    this.allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity);
    this.taints = taintsOf(node);
    this.images = new Map(
      (node.status?.images ?? []).flatMap(({ names = [], sizeBytes = 0 }) => names.map((name) => [name, sizeBytes] as const)),
    );
  }

  add(info: PodInfo): void {
    this.remove(info.uid);
    this.pods.set(info.uid, info);
    this.#count(info, 1);
  }

  remove(uid: string): void {
    const known = this.pods.get(uid);
    if (!known) return;
    this.pods.delete(uid);
    this.#count(known, -1);
  }

  #count({ requests, scored }: PodInfo, sign: 1 | -1): void {
    for (const name in requests) this.requested[name] = (this.requested[name] ?? 0) + sign * (requests[name] ?? 0);
    this.scored.cpu += sign * (scored['cpu'] ?? 0);
    this.scored.memory += sign * (scored['memory'] ?? 0);
  }
}

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';

/** Its taints; a node that is not Ready counts as tainted also in the moment before its controller has said so. */
function taintsOf({ spec, status }: Node): readonly Taint[] {
  // The taint that follows from a cordon says nothing that spec.unschedulable does not say.
  const all = spec?.taints ?? [];
  const taints = spec?.unschedulable ? all.filter(({ key }) => key !== 'node.kubernetes.io/unschedulable') : all;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const isSaid = ready === 'True' || taints.some(({ key }) => key === notReady || key === unreachable);
  return isSaid ? taints : [...taints, { key: notReady, effect: 'NoSchedule' }];
}
