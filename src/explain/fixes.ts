import { matchesExpression } from '../api/kubernetes/label-selector.ts';
import { tolerates } from '../api/kubernetes/node-selection.ts';
import type { NodeSelectorRequirement } from '../api/kubernetes/types.generated.ts';
import type { Cluster } from '../kubernetes/scheduler/cluster/cluster.ts';
import type { NodeInfo } from '../kubernetes/scheduler/cluster/node-info.ts';
import type { PodInfo } from '../kubernetes/scheduler/cluster/pod-info.ts';
import type { Term } from '../kubernetes/scheduler/cluster/terms.ts';
import { questionsOf, type Refusal } from '../kubernetes/scheduler/evaluate.ts';
import type { Profile } from '../kubernetes/scheduler/profile.ts';

/** A command that takes one obstacle away; `text` says what it does. */
export interface Fix {
  readonly text: string;
  readonly command: string;
}

export interface Subject {
  readonly info: PodInfo;
  readonly node: NodeInfo;
  readonly cluster: Cluster;
  readonly profile: Profile;
}

/** The commands after which this plugin takes the node; undefined: none that davit knows of. */
export function fixesFor({ plugin }: Refusal, subject: Subject): readonly Fix[] | undefined {
  switch (plugin) {
    case 'NodeUnschedulable':
      return [{ text: `let node ${subject.node.name} take pods again`, command: `kubectl uncordon ${subject.node.name}` }];
    case 'TaintToleration':
      return untaint(subject);
    case 'NodeAffinity':
      return relabel(subject);
    case 'NodeResourcesFit':
      return makeRoom(plugin, subject) ?? askForLess(subject);
    case 'InterPodAffinity':
      return bringTogether(subject) ?? makeRoom(plugin, subject);
    case 'PodTopologySpread':
      return giveDomain(subject) ?? makeRoom(plugin, subject);
    case 'NodePorts':
    case 'VolumeRestrictions':
      return makeRoom(plugin, subject);
    case 'VolumeBinding':
      return storage(subject);
    default:
      return undefined;
  }
}

const ownedByNode = new Set(
  ['not-ready', 'unreachable', 'memory-pressure', 'disk-pressure', 'pid-pressure', 'network-unavailable'].map(
    (name) => `node.kubernetes.io/${name}`,
  ),
);

/** A taint that follows from the node's state comes back: only the node itself can help. */
function untaint({ info, node }: Subject): readonly Fix[] | undefined {
  const tolerations = info.pod.spec?.tolerations ?? [];
  const hard = node.taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
  const bad = hard.filter((taint) => !tolerations.some((one) => tolerates(one, taint)));
  if (bad.some(({ key }) => ownedByNode.has(key))) return undefined;
  return bad.map(({ key, effect }) => ({
    text: `take the taint ${key}:${effect} off node ${node.name}`,
    command: `kubectl taint nodes ${node.name} ${key}:${effect}-`,
  }));
}

/** The labels that the node lacks for the pod's selector and the cheapest of its affinity terms. */
function relabel({ info, node }: Subject): readonly Fix[] | undefined {
  const changes = new Map<string, string | undefined>();
  for (const [key, value] of Object.entries(info.pod.spec?.nodeSelector ?? {})) if (node.labels[key] !== value) changes.set(key, value);
  const required = info.pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required) {
    const options = required.nodeSelectorTerms
      .filter((term) => (term.matchFields ?? []).every((field) => matchesExpression(node.name, field.operator, field.values ?? [])))
      .map((term) =>
        (term.matchExpressions ?? []).filter((one) => !matchesExpression(node.labels[one.key], one.operator, one.values ?? [])),
      );
    const [cheapest] = options.toSorted((a, b) => a.length - b.length);
    if (!cheapest) return undefined;
    for (const one of cheapest) changes.set(one.key, valueFor(one));
  }
  return changes.size === 0 ? undefined : [labelFix('node', node.name, changes)];
}

/** A value that fulfils the requirement; undefined: no such label. */
function valueFor({ operator, values = [] }: NodeSelectorRequirement): string | undefined {
  if (operator === 'In') return values[0] ?? '';
  if (operator === 'Exists') return 'true';
  if (operator === 'Gt') return String(Number(values[0]) + 1);
  if (operator === 'Lt') return String(Number(values[0]) - 1);
  return undefined;
}

function labelFix(kind: string, name: string, changes: ReadonlyMap<string, string | undefined>): Fix {
  const words = [...changes].map(([key, value]) => (value === undefined ? `${key}-` : `${key}=${value}`)).join(' ');
  return { text: `label ${kind} ${name} ${words}`, command: `kubectl label --overwrite ${kind} ${name} ${words}` };
}

/** The fewest, least important pods of the node without which the plugin has nothing against it. */
function makeRoom(plugin: string, subject: Subject): readonly Fix[] | undefined {
  const { info, node, cluster, profile } = subject;
  const isFree = (minus: readonly PodInfo[]): boolean =>
    cluster.supposing(node, { minus }, () => {
      const rule = questionsOf(info, cluster, profile).rules.find((one) => one.plugin.name === plugin);
      return rule !== undefined && rule.prepared.filter?.(node) === undefined;
    });
  const others = [...node.pods.values()].toSorted((a, b) => a.priority - b.priority || (a.key < b.key ? -1 : 1));
  const single = others.find((one) => isFree([one]));
  if (single) return [deletion(single)];
  if (!isFree(others)) return undefined;
  let chosen: readonly PodInfo[] = others;
  for (const one of others.toReversed()) {
    const without = chosen.filter((other) => other !== one);
    if (isFree(without)) chosen = without;
  }
  return chosen.map(deletion);
}

function deletion({ pod, namespace }: PodInfo): Fix {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const note = owner ? ` (its ${owner.kind} ${owner.name} will make another, elsewhere)` : '';
  return { text: `delete pod ${pod.metadata.name}${note}`, command: `kubectl delete pod ${pod.metadata.name} -n ${namespace}` };
}

/** More than the node has at all: only a smaller pod fits. */
function askForLess({ info, node }: Subject): readonly Fix[] | undefined {
  const containers = info.pod.spec?.containers ?? [];
  const [only] = containers;
  const tooMuch = Object.entries(info.requests).filter(([name, amount]) => amount > (node.allocatable[name] ?? 0));
  const resizable = tooMuch.every(([name]) => name === 'cpu' || name === 'memory');
  if (!only || containers.length > 1 || !resizable || tooMuch.length === 0) return undefined;
  const requests = Object.fromEntries(tooMuch.map(([name]) => [name, roomFor(name, node)]));
  const body = JSON.stringify({ spec: { containers: [{ name: only.name, resources: { requests } }] } });
  const words = Object.entries(requests).map(([name, amount]) => `${name} ${amount}`);
  return [
    {
      text: `have pod ${info.pod.metadata.name} ask for no more than ${words.join(' and ')}`,
      command: `kubectl patch pod ${info.pod.metadata.name} -n ${info.namespace} --subresource resize -p '${body}'`,
    },
  ];
}

function roomFor(name: string, node: NodeInfo): string {
  const left = Math.max(0, (node.allocatable[name] ?? 0) - (node.requested[name] ?? 0));
  return name === 'cpu' ? `${Math.floor(left)}m` : String(Math.floor(left));
}

/** Required affinity to pods that are not there: a pod of the node can take the labels; or the node lacks the topology label. */
function bringTogether({ info, node, cluster }: Subject): readonly Fix[] | undefined {
  const unmet = info.affinity.filter((term) => !isMet(term, node, cluster));
  if (unmet.length === 0) return undefined;
  const fixes: Fix[] = [];
  for (const term of unmet) {
    const wanted = term.source.labelSelector?.matchLabels;
    if (node.labels[term.topologyKey] === undefined) fixes.push(labelFix('node', node.name, new Map([[term.topologyKey, node.name]])));
    const candidate = [...node.pods.values()].find(
      (pod) => wanted !== undefined && term.matches(pod.namespace, { ...pod.labels, ...wanted }),
    );
    if (!candidate || !wanted) return undefined;
    const { text, command } = labelFix('pod', candidate.pod.metadata.name ?? '', new Map(Object.entries(wanted)));
    fixes.push({ text, command: `${command} -n ${candidate.namespace}` });
  }
  return fixes;
}

function isMet(term: Term, node: NodeInfo, cluster: Cluster): boolean {
  const value = node.labels[term.topologyKey];
  if (value === undefined) return false;
  for (const { namespace, labels, all } of cluster.siblings()) {
    if (term.matches(namespace, labels) && [...all.keys()].some((other) => other.labels[term.topologyKey] === value)) return true;
  }
  return false;
}

/** A node without the topology label can be given one: a domain of its own. */
function giveDomain({ info, node }: Subject): readonly Fix[] | undefined {
  const missing = (info.pod.spec?.topologySpreadConstraints ?? [])
    .filter(({ topologyKey, whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule' && node.labels[topologyKey] === undefined)
    .map(({ topologyKey }) => [topologyKey, node.name] as const);
  return missing.length === 0 ? undefined : [labelFix('node', node.name, new Map(missing))];
}

/** Claims that are missing are made; claims of a class that is missing get their class. */
function storage({ info, cluster }: Subject): readonly Fix[] | undefined {
  const fixes = info.claims.flatMap((name): readonly Fix[] => {
    const claim = cluster.lookups.claim(info.namespace, name);
    const className = claim?.spec?.storageClassName ?? '';
    if (!claim) {
      const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
      const metadata = { name, namespace: info.namespace };
      return [manifest(`make the claim ${name}`, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec })];
    }
    if (claim.status?.phase === 'Bound' || className === '' || cluster.lookups.storageClass(className)) return [];
    const more = { provisioner: 'davit.dev/local', volumeBindingMode: 'WaitForFirstConsumer' };
    const metadata = { name: className };
    return [manifest(`make the storage class ${className}`, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, ...more })];
  });
  return fixes.length > 0 ? fixes : undefined;
}

function manifest(text: string, object: object): Fix {
  return { text, command: `kubectl apply -f - <<< '${JSON.stringify(object)}'` };
}
