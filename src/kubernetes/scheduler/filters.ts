import type { PersistentVolumeClaim, Pod } from '../../api/kubernetes/types.generated.ts';
import { matchesNodeSelection, untolerated } from '../../api/kubernetes/node-selection.ts';
import { podRequests, type NodeState } from './node-state.ts';

/** Why a node cannot take a pod, in kube-scheduler's words; none: it can. */
export type Filter = (pod: Pod, state: NodeState, cluster: ClusterFacts) => readonly string[];

export interface ClusterFacts {
  /** By `<namespace>/<name>`. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
}

const unschedulable: Filter = (pod, { node }) => {
  if (node.spec?.unschedulable !== true) return [];
  const cordon = {
    metadata: node.metadata,
    apiVersion: 'v1',
    kind: 'Node',
    spec: { taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] },
  };
  return untolerated(pod, cordon, ['NoSchedule']) ? ['node(s) were unschedulable'] : [];
};

const ready: Filter = (_pod, { node }) =>
  node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ? [] : ['node(s) were not ready'];

const taints: Filter = (pod, { node }) => {
  const taint = untolerated(pod, node, ['NoSchedule', 'NoExecute']);
  return taint ? [`node(s) had untolerated taint(s)`] : [];
};

const selection: Filter = (pod, { node }) => (matchesNodeSelection(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"]);

const resources: Filter = (pod, state) => {
  const needs = podRequests(pod);
  const short = Object.entries(needs).filter(
    ([name, amount]) => amount > 0 && amount > (state.allocatable[name] ?? 0) - (state.requested[name] ?? 0),
  );
  return short.map(([name]) => (name === 'pods' ? 'Too many pods' : `Insufficient ${name}`));
};

const hostPorts: Filter = (pod, state) => {
  const taken = new Set(state.pods.flatMap(portsOf));
  return portsOf(pod).some((port) => taken.has(port)) ? ["node(s) didn't have free ports for the requested pod ports"] : [];
};

const volumes: Filter = (pod, _state, cluster) => {
  const claims = (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  const missing = claims.find((name) => !cluster.claims.has(`${pod.metadata.namespace}/${name}`));
  if (missing !== undefined) return [`persistentvolumeclaim "${missing}" not found`];
  const isBound = (name: string): boolean => cluster.claims.get(`${pod.metadata.namespace}/${name}`)?.status?.phase === 'Bound';
  return claims.every(isBound) ? [] : ['pod has unbound immediate PersistentVolumeClaims'];
};

function portsOf(pod: Pod): readonly string[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.flatMap((port) => (port.hostPort ? [`${port.protocol ?? 'TCP'}/${port.hostPort}`] : []));
}

export const filters: readonly Filter[] = [unschedulable, ready, taints, selection, hostPorts, resources, volumes];
