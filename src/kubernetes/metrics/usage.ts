/** What counters say at one moment: CPU in nanoseconds since the start, memory in bytes that could not be had back. */
export interface Counters {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly cpuNs: number;
  readonly memory: number;
}

/** One look at every kubelet. */
export interface Reading {
  readonly at: number;
  readonly nodes: readonly Counters[];
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly containers: readonly Counters[];
  }[];
}

/** CPU in cores, memory in bytes. */
export interface Use {
  readonly cpu: number;
  readonly memory: number;
}

export interface Usage {
  readonly at: number;
  /** Over which time the rates are taken. */
  readonly windowMs: number;
  readonly nodes: ReadonlyMap<string, Use>;
  /** By `namespace/name`, then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Use>>;
}

/** Rates between two readings. A pod that has a container without a rate, since it was started in between, is left out. */
export function usageBetween(before: Reading, after: Reading): Usage {
  const nodesBefore = byName(before.nodes);
  const podsBefore = new Map(before.pods.map((pod) => [pod.uid, byName(pod.containers)]));
  const nodes = after.nodes.flatMap((node) => named(node.name, useOf(nodesBefore.get(node.name), node)));
  const pods = after.pods.flatMap(({ namespace, name, uid, containers }) => {
    const uses = containers.flatMap((container) => named(container.name, useOf(podsBefore.get(uid)?.get(container.name), container)));
    return uses.length === containers.length ? [[`${namespace}/${name}`, new Map(uses)] as const] : [];
  });
  return { at: after.at, windowMs: after.at - before.at, nodes: new Map(nodes), pods: new Map(pods) };
}

/** Whole pods, by `namespace/name`. */
export function podTotals({ pods }: Usage): ReadonlyMap<string, Use> {
  const total = (uses: readonly Use[], of: keyof Use): number => uses.reduce((sum, use) => sum + use[of], 0);
  return new Map(
    [...pods].map(([name, containers]) => {
      const uses = [...containers.values()];
      return [name, { cpu: total(uses, 'cpu'), memory: total(uses, 'memory') }];
    }),
  );
}

/** What was restarted began again at zero. */
function useOf(before: Counters | undefined, after: Counters): Use | undefined {
  if (!before || before.cpuNs > after.cpuNs || before.at >= after.at) return undefined;
  return { cpu: (after.cpuNs - before.cpuNs) / 1e6 / (after.at - before.at), memory: after.memory };
}

const byName = (all: readonly Counters[]): ReadonlyMap<string, Counters> => new Map(all.map((one) => [one.name, one]));
const named = (name: string, use: Use | undefined): readonly (readonly [string, Use])[] => (use ? [[name, use]] : []);
