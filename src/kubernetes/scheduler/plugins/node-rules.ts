import { matchesNodeSelection, matchesTerm, tolerates, untolerated } from '../../../api/kubernetes/node-selection.ts';
import type { Taint } from '../../../api/kubernetes/types.generated.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import { final, nothing, type ClusterEvent, type Plugin } from './plugin.ts';

const nodeCame = (event: ClusterEvent): boolean => event.type === 'nodeAdded';
const nodeChanged = (event: ClusterEvent, what: 'labels' | 'taints'): boolean => event.type === 'nodeChanged' && event.what.has(what);

/** spec.nodeName given by hand. */
export const nodeName: Plugin = {
  name: 'NodeName',
  weight: 0,
  prepare({ pod }) {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return nothing;
    return { filter: (node) => (node.name === wanted ? undefined : final("node(s) didn't match the requested node name")) };
  },
  wakes: (info, event) => event.type === 'nodeAdded' && event.node.name === info.pod.spec?.nodeName,
};

const cordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  weight: 0,
  prepare({ pod }) {
    const isTolerated = (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, cordon));
    if (isTolerated) return nothing;
    return { filter: ({ node }) => (node.spec?.unschedulable === true ? final('node(s) were unschedulable') : undefined) };
  },
  wakes: (_info, event) =>
    (nodeCame(event) || nodeChanged(event, 'taints')) && 'node' in event && event.node.node.spec?.unschedulable !== true,
};

/** Taints with NoSchedule or NoExecute keep out; PreferNoSchedule counts against. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  prepare({ pod }) {
    const hard = (node: NodeInfo): Taint | undefined =>
      node.taints.length === 0 ? undefined : untolerated(pod, withTaints(node), ['NoSchedule', 'NoExecute']);
    const soft = (pod.spec?.tolerations ?? []).filter((one) => !one.effect || one.effect === 'PreferNoSchedule');
    return {
      filter: (node) => (hard(node) ? final('node(s) had untolerated taint(s)') : undefined),
      score: (node) =>
        node.taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !soft.some((one) => tolerates(one, taint))).length,
      scale: 'leastIs100',
    };
  },
  wakes: (info, event) =>
    (nodeCame(event) || nodeChanged(event, 'taints')) &&
    'node' in event &&
    untolerated(info.pod, withTaints(event.node), ['NoSchedule', 'NoExecute']) === undefined,
};

/** The node with the taints that count, which may be more than it carries. */
export function withTaints(info: NodeInfo): NodeInfo['node'] {
  return info.taints === info.node.spec?.taints ? info.node : { ...info.node, spec: { ...info.node.spec, taints: info.taints } };
}

/** nodeSelector and node affinity. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  prepare({ pod }) {
    const affinity = pod.spec?.affinity?.nodeAffinity;
    const isPicky = pod.spec?.nodeSelector !== undefined || affinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
    const wishes = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return {
      ...(isPicky && {
        filter: ({ node }: NodeInfo) =>
          matchesNodeSelection(pod, node) ? undefined : final("node(s) didn't match Pod's node affinity/selector"),
      }),
      ...(wishes.length > 0 && {
        score: ({ node }: NodeInfo) => wishes.reduce((sum, wish) => sum + (matchesTerm(wish.preference, node) ? wish.weight : 0), 0),
        scale: 'greatestIs100' as const,
      }),
    };
  },
  wakes: (info, event) =>
    (nodeCame(event) || nodeChanged(event, 'labels')) && 'node' in event && matchesNodeSelection(info.pod, event.node.node),
};
