import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  StorageClass,
} from '../../../api/kubernetes/types.generated.ts';
import { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Labels } from './terms.ts';

/** Pods of the same namespace and labels: asked about a selector once, whatever their number. */
export interface Siblings {
  readonly namespace: string;
  readonly labels: Labels;
  /** Pods by node, those that are being deleted left out. */
  readonly living: Map<NodeInfo, number>;
  readonly all: Map<NodeInfo, number>;
  /** Living pods by value of a node label, for labels that were asked about. */
  readonly livingByLabel: Map<string, Map<string, number>>;
}

/** Facts of other kinds, read from their informers. */
export interface Lookups {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  namespaceLabels(namespace: string): Labels | undefined;
  budgets(namespace: string): readonly PodDisruptionBudget[];
}

/** Placed pods that are the same also in what they say about other pods. */
export interface Opinionated {
  /** Any one of them. */
  readonly info: PodInfo;
  readonly nodes: Map<NodeInfo, number>;
}

export const noLookups: Lookups = {
  claim: () => undefined,
  volume: () => undefined,
  volumes: () => [],
  storageClass: () => undefined,
  namespaceLabels: () => undefined,
  budgets: () => [],
};

/**
 * What the scheduler knows, as it changes: nodes with their pods (assumed ones too) and the indexes that its plugins ask.
 * A decision is one synchronous section, so it sees one moment without a copy being made.
 */
export class Cluster {
  readonly lookups: Lookups;
  /** In the order in which they came; decisions start in the middle of it, each time further on. */
  readonly nodes: NodeInfo[] = [];
  readonly #byName = new Map<string, NodeInfo>();
  readonly #placed = new Map<string, { readonly info: PodInfo; readonly nodeName: string }>();
  readonly #siblings = new Map<string, Siblings>();
  readonly #owned = new Map<string, Map<NodeInfo, number>>();
  readonly #domains = new Map<string, ReadonlySet<string>>();
  readonly #images = new Map<string, number>();
  readonly #opinionated = new Map<string, Opinionated>();
  /** Pods that wait for the end of the victims they were promised the room of. */
  readonly #nominated = new Map<string, Map<string, PodInfo>>();

  constructor(lookups: Lookups = noLookups) {
    this.lookups = lookups;
  }

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  siblings(): Iterable<Siblings> {
    return this.#siblings.values();
  }

  opinionated(): Iterable<Opinionated> {
    return this.#opinionated.values();
  }

  /** How many pods of a controller each node has. */
  ownedBy(owner: string): ReadonlyMap<NodeInfo, number> | undefined {
    return this.#owned.get(owner);
  }

  /** Values of a node label. */
  domainsOf(key: string): ReadonlySet<string> {
    const known = this.#domains.get(key);
    if (known) return known;
    const values = new Set(this.nodes.flatMap(({ labels }) => labels[key] ?? []));
    this.#domains.set(key, values);
    return values;
  }

  /** Living pods of the siblings by value of a node label. */
  livingByLabel({ living, livingByLabel }: Siblings, key: string): ReadonlyMap<string, number> {
    const known = livingByLabel.get(key);
    if (known) return known;
    const counts = new Map<string, number>();
    for (const [{ labels }, number] of living) raise(counts, labels[key] ?? '', number);
    livingByLabel.set(key, counts);
    return counts;
  }

  nodesWithImage(image: string): number {
    return this.#images.get(image) ?? 0;
  }

  setNode(node: Node): void {
    const name = node.metadata.name ?? '';
    const known = this.#byName.get(name);
    if (known) {
      this.#countImages(known, -1);
      if (JSON.stringify(known.labels) !== JSON.stringify(node.metadata.labels ?? {})) this.#forgetLabels();
      known.update(node);
      this.#countImages(known, 1);
      return;
    }
    const info = new NodeInfo(node);
    this.#byName.set(name, info);
    this.nodes.push(info);
    this.#domains.clear();
    this.#countImages(info, 1);
    for (const placed of this.#placed.values()) if (placed.nodeName === name) this.#put(placed.info, info);
  }

  removeNode(name: string): void {
    const info = this.#byName.get(name);
    if (!info) return;
    this.#countImages(info, -1);
    for (const pod of info.pods.values()) this.#take(pod, info);
    this.#byName.delete(name);
    this.#domains.clear();
    this.nodes.splice(this.nodes.indexOf(info), 1);
  }

  place(info: PodInfo, nodeName: string): void {
    this.unplace(info.uid);
    this.#placed.set(info.uid, { info, nodeName });
    const node = this.#byName.get(nodeName);
    if (node) this.#put(info, node);
  }

  unplace(uid: string): void {
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    const node = this.#byName.get(placed.nodeName);
    if (node) this.#take(placed.info, node);
  }

  placedOn(uid: string): string | undefined {
    return this.#placed.get(uid)?.nodeName;
  }

  nominate(info: PodInfo, nodeName: string): void {
    this.denominate(info.uid);
    const there = this.#nominated.get(nodeName) ?? new Map<string, PodInfo>();
    this.#nominated.set(nodeName, there.set(info.uid, info));
  }

  denominate(uid: string): void {
    for (const [nodeName, there] of this.#nominated) {
      if (there.delete(uid) && there.size === 0) this.#nominated.delete(nodeName);
    }
  }

  /** Pods other than this one that were promised room on the node and are at least as important. */
  nominatedBefore(info: PodInfo, nodeName: string): readonly PodInfo[] {
    if (this.#nominated.size === 0) return nobody;
    const there = this.#nominated.get(nodeName);
    return there ? [...there.values()].filter((other) => other.uid !== info.uid && other.priority >= info.priority) : nobody;
  }

  /** The answer that `ask` would give if pods were added to a node, or taken off it. Leaves everything as it was. */
  supposing<T>(node: NodeInfo, change: { readonly plus?: readonly PodInfo[]; readonly minus?: readonly PodInfo[] }, ask: () => T): T {
    const plus = (change.plus ?? []).filter(({ uid }) => !node.pods.has(uid));
    const minus = (change.minus ?? []).filter(({ uid }) => node.pods.has(uid));
    for (const info of minus) this.#take(info, node);
    for (const info of plus) this.#put(info, node);
    try {
      return ask();
    } finally {
      for (const info of plus) this.#take(info, node);
      for (const info of minus) this.#put(info, node);
    }
  }

  #put(info: PodInfo, node: NodeInfo): void {
    node.add(info);
    const siblings = this.#siblingsOf(info);
    raise(siblings.all, node, 1);
    if (!info.isGoing) countLiving(siblings, node, 1);
    if (info.owner !== undefined) {
      const owned = this.#owned.get(info.owner) ?? new Map<NodeInfo, number>();
      this.#owned.set(info.owner, owned);
      raise(owned, node, 1);
    }
    if (info.termsKey === undefined) return;
    const group = this.#opinionated.get(info.termsKey) ?? { info, nodes: new Map<NodeInfo, number>() };
    this.#opinionated.set(info.termsKey, group);
    raise(group.nodes, node, 1);
  }

  #take(info: PodInfo, node: NodeInfo): void {
    node.remove(info.uid);
    const group = info.termsKey === undefined ? undefined : this.#opinionated.get(info.termsKey);
    if (group) raise(group.nodes, node, -1);
    if (group?.nodes.size === 0) this.#opinionated.delete(info.termsKey ?? '');
    const siblings = this.#siblingsOf(info);
    raise(siblings.all, node, -1);
    if (!info.isGoing) countLiving(siblings, node, -1);
    if (siblings.all.size === 0) this.#siblings.delete(info.siblingsKey);
    const owned = info.owner === undefined ? undefined : this.#owned.get(info.owner);
    if (!owned) return;
    raise(owned, node, -1);
    if (owned.size === 0) this.#owned.delete(info.owner ?? '');
  }

  #siblingsOf(info: PodInfo): Siblings {
    const key = info.siblingsKey;
    const known = this.#siblings.get(key);
    if (known) return known;
    const made = { namespace: info.namespace, labels: info.labels, living: new Map(), all: new Map(), livingByLabel: new Map() };
    this.#siblings.set(key, made);
    return made;
  }

  #forgetLabels(): void {
    this.#domains.clear();
    for (const { livingByLabel } of this.#siblings.values()) livingByLabel.clear();
  }

  #countImages(info: NodeInfo, sign: 1 | -1): void {
    for (const image of info.images.keys()) this.#images.set(image, (this.#images.get(image) ?? 0) + sign);
  }
}

const nobody: readonly PodInfo[] = [];

function countLiving({ living, livingByLabel }: Siblings, node: NodeInfo, by: 1 | -1): void {
  raise(living, node, by);
  for (const [key, counts] of livingByLabel) raise(counts, node.labels[key] ?? '', by);
}

function raise<K>(counts: Map<K, number>, key: K, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
