import { matchesLabels } from '../../api/kubernetes/label-selector.ts';
import type { LabelSelector, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/kubernetes/types.generated.ts';

/** A pod as policies see it. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
  /** Policies are enforced where a pod runs. */
  readonly isLocal: boolean;
}

export type Direction = 'ingress' | 'egress';

export interface DirectionPlan {
  readonly policies: readonly PolicyPlan[];
  /** Isolated pods, by the policies that select them: who is in no group may do everything. */
  readonly groups: readonly { readonly policies: readonly string[]; readonly ips: readonly string[] }[];
}

export interface PolicyPlan {
  /** `default/allow-web` */
  readonly id: string;
  readonly rules: readonly RulePlan[];
}

/** What is allowed: some peer with some port. */
export interface RulePlan {
  readonly peers: 'any' | { readonly ips: readonly string[]; readonly blocks: readonly Block[] };
  readonly ports: 'any' | PortsPlan;
}

export interface Block {
  readonly cidr: string;
  readonly except: readonly string[];
}

export interface PortsPlan {
  /** By protocol: `80`, `8000-8999`; empty: every port of it. */
  readonly numbers: ReadonlyMap<string, readonly string[]>;
  /** Named ports, resolved in the pods that are connected to: `10.244.0.5 . tcp . 8080`. */
  readonly named: readonly string[];
}

export type PolicyTable = Readonly<Record<Direction, DirectionPlan>>;

/** Namespace labels by name. */
export type Namespaces = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Pure: policies, pods and namespaces → what the kernel must let through. Equal worlds give equal plans. */
export function planPolicies(policies: readonly NetworkPolicy[], pods: readonly PolicyPod[], namespaces: Namespaces): PolicyTable {
  const sorted = pods.toSorted((a, b) => (a.ip < b.ip ? -1 : 1));
  const direction = (way: Direction): DirectionPlan => planDirection(way, policies, sorted, namespaces);
  return { ingress: direction('ingress'), egress: direction('egress') };
}

function planDirection(
  way: Direction,
  policies: readonly NetworkPolicy[],
  pods: readonly PolicyPod[],
  namespaces: Namespaces,
): DirectionPlan {
  const plans: PolicyPlan[] = [];
  const selecting = new Map<string, string[]>();
  const ordered = policies
    .map((policy) => ({ policy, id: `${policy.metadata.namespace}/${policy.metadata.name}` }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const { policy, id } of ordered) {
    if (!appliesTo(policy, way)) continue;
    const selected = pods.filter((pod) => pod.isLocal && isSelected(pod, policy.metadata.namespace, policy.spec?.podSelector));
    if (selected.length === 0) continue;
    plans.push({ id, rules: rulesOf(policy, way, selected, pods, namespaces) });
    for (const { ip } of selected) selecting.set(ip, [...(selecting.get(ip) ?? []), id]);
  }
  const groups = Map.groupBy(selecting, ([, ids]) => ids.join(' '));
  return {
    policies: plans,
    groups: [...groups.values()].map((members) => ({ policies: members[0]?.[1] ?? [], ips: members.map(([ip]) => ip) })),
  };
}

/** Without `policyTypes`: ingress always, egress when it is spoken of. */
function appliesTo({ spec }: NetworkPolicy, way: Direction): boolean {
  const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress ? ['Egress'] : [])];
  return types.includes(way === 'ingress' ? 'Ingress' : 'Egress');
}

function isSelected(pod: PolicyPod, namespace: string | undefined, selector: LabelSelector | undefined): boolean {
  return pod.namespace === namespace && matchesLabels(selector ?? {}, pod.labels);
}

function rulesOf(
  policy: NetworkPolicy,
  way: Direction,
  selected: readonly PolicyPod[],
  pods: readonly PolicyPod[],
  namespaces: Namespaces,
): readonly RulePlan[] {
  const rules =
    way === 'ingress'
      ? (policy.spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  return rules.map((rule) => {
    const peers = peersOf(rule.peers ?? [], policy.metadata.namespace ?? '', pods, namespaces);
    const known = peers === 'any' ? pods : pods.filter(({ ip }) => peers.ips.includes(ip));
    return { peers, ports: portsOf(rule.ports ?? [], way === 'ingress' ? selected : known) };
  });
}

function peersOf(
  peers: readonly NetworkPolicyPeer[],
  namespace: string,
  pods: readonly PolicyPod[],
  namespaces: Namespaces,
): RulePlan['peers'] {
  if (peers.length === 0) return 'any';
  const blocks = peers.flatMap(({ ipBlock }) =>
    ipBlock && !ipBlock.cidr.includes(':') ? [{ cidr: ipBlock.cidr, except: ipBlock.except ?? [] }] : [],
  );
  const selectors = peers.filter((peer) => peer.podSelector ?? peer.namespaceSelector);
  const ips = pods.filter((pod) => selectors.some((peer) => isPeer(pod, peer, namespace, namespaces))).map(({ ip }) => ip);
  return { ips, blocks };
}

function isPeer(pod: PolicyPod, { podSelector, namespaceSelector }: NetworkPolicyPeer, namespace: string, namespaces: Namespaces): boolean {
  const isThere = namespaceSelector ? matchesLabels(namespaceSelector, namespaces.get(pod.namespace) ?? {}) : pod.namespace === namespace;
  return isThere && matchesLabels(podSelector ?? {}, pod.labels);
}

/** `targets`: the pods whose ports a name means. */
function portsOf(ports: readonly NetworkPolicyPort[], targets: readonly PolicyPod[]): RulePlan['ports'] {
  if (ports.length === 0) return 'any';
  const ranges = new Map<string, [number, number][]>();
  const names = new Set<string>();
  for (const { protocol = 'TCP', port, endPort } of ports) {
    const name = protocol.toLowerCase();
    if (typeof port === 'string') {
      for (const target of named(targets, port, protocol)) names.add(target);
      continue;
    }
    const range: [number, number] = port === undefined ? [0, 65_535] : [port, endPort ?? port];
    ranges.set(name, [...(ranges.get(name) ?? []), range]);
  }
  const numbers = new Map([...ranges].map(([protocol, list]) => [protocol, merged(list)] as const));
  return { numbers, named: [...names].toSorted() };
}

function named(targets: readonly PolicyPod[], name: string, protocol: string): readonly string[] {
  return targets.flatMap(({ ip, ports }) =>
    ports.filter((one) => one.name === name && one.protocol === protocol).map(({ port }) => `${ip} . ${protocol.toLowerCase()} . ${port}`),
  );
}

/** Overlapping and adjoining ranges become one; all ports become none named. */
function merged(ranges: readonly [number, number][]): readonly string[] {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    const before = result.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else result.push([first, last]);
  }
  if (result[0]?.[0] === 0) return [];
  return result.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
}
