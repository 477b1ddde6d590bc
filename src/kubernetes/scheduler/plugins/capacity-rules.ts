import { collide } from '../cluster/pod-info.ts';
import type { NodeInfo } from '../cluster/node-info.ts';
import type { PodInfo } from '../cluster/pod-info.ts';
import { fewerPodsHelp, final, nothing, type ClusterEvent, type Plugin, type Verdict } from './plugin.ts';

/** How full a node should be: emptiest first, fullest first, or by a curve of (utilization %, score 0…10). */
export type FitStrategy =
  | { readonly type: 'LeastAllocated' | 'MostAllocated' }
  | { readonly type: 'RequestedToCapacityRatio'; readonly shape: readonly { readonly utilization: number; readonly score: number }[] };

const frees = (event: ClusterEvent): boolean =>
  event.type === 'podGone' || event.type === 'nodeAdded' || (event.type === 'nodeChanged' && event.what.has('allocatable'));

/** CPU, memory and all other countable resources, and the number of pods. */
export function resourcesFit(strategy: FitStrategy): Plugin {
  const rate = rating(strategy);
  return {
    name: 'NodeResourcesFit',
    weight: 1,
    prepare(info) {
      const needs = Object.entries(info.requests).filter(([, amount]) => amount > 0);
      return {
        filter: (node) => shortage(needs, node),
        score: (node) => (rate(share(info, node, 'cpu')) + rate(share(info, node, 'memory'))) / 2,
      };
    },
    wakes(info, event, cluster) {
      if (!frees(event)) return false;
      const node = 'node' in event ? event.node : 'nodeName' in event ? cluster.node(event.nodeName) : undefined;
      return node === undefined || shortage(Object.entries(info.requests), node)?.isFinal !== true;
    },
  };
}

function shortage(needs: readonly (readonly [string, number])[], node: NodeInfo): Verdict | undefined {
  let reasons: string[] | undefined;
  let isFinal = false;
  for (const [name, amount] of needs) {
    const allocatable = node.allocatable[name] ?? 0;
    if (amount <= allocatable - (node.requested[name] ?? 0)) continue;
    (reasons ??= []).push(name === 'pods' ? 'Too many pods' : `Insufficient ${name}`);
    isFinal ||= amount > allocatable;
  }
  return reasons && (isFinal ? final(...reasons) : fewerPodsHelp(...reasons));
}

/** Used part of a node with the pod on it, 0…; more than 1 is too much. */
function share(info: PodInfo, node: NodeInfo, name: 'cpu' | 'memory'): number {
  const allocatable = node.allocatable[name] ?? 0;
  return allocatable === 0 ? 1 : (node.scored[name] + (info.scored[name] ?? 0)) / allocatable;
}

function rating(strategy: FitStrategy): (used: number) => number {
  if (!('shape' in strategy)) {
    return strategy.type === 'LeastAllocated' ? (used) => (used > 1 ? 0 : (1 - used) * 100) : (used) => Math.min(1, used) * 100;
  }
  const points = strategy.shape.toSorted((a, b) => a.utilization - b.utilization);
  return (used) => curve(points, Math.min(1, used) * 100) * 10;
}

function curve(points: readonly { readonly utilization: number; readonly score: number }[], at: number): number {
  const right = points.findIndex(({ utilization }) => utilization >= at);
  const [last, end] = [points[right - 1], points[right]];
  if (!end) return points.at(-1)?.score ?? 0;
  if (!last) return end.score;
  return last.score + ((end.score - last.score) * (at - last.utilization)) / (end.utilization - last.utilization);
}

/** Nodes whose CPU and memory would be used to the same degree. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  prepare(info) {
    if (!info.requests['cpu'] && !info.requests['memory']) return nothing;
    const used = (node: NodeInfo, name: 'cpu' | 'memory'): number =>
      Math.min(1, ((node.requested[name] ?? 0) + (info.requests[name] ?? 0)) / (node.allocatable[name] || Number.POSITIVE_INFINITY));
    // The standard deviation of two numbers is half their distance.
    return { score: (node) => (1 - Math.abs(used(node, 'cpu') - used(node, 'memory')) / 2) * 100 };
  },
  wakes: () => false,
};

/** Host ports that nobody else on the node has. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  weight: 0,
  prepare({ ports }) {
    if (ports.length === 0) return nothing;
    return {
      filter: (node) => {
        for (const other of node.pods.values()) {
          if (other.ports.some((taken) => ports.some((port) => collide(taken, port)))) {
            return fewerPodsHelp("node(s) didn't have free ports for the requested pod ports");
          }
        }
        return undefined;
      },
    };
  },
  wakes: (info, event) =>
    event.type === 'nodeAdded' ||
    (event.type === 'podGone' && event.info.ports.some((freed) => info.ports.some((port) => collide(freed, port)))),
};

const [smallImage, largeImage] = [23 * 1024 ** 2, 1000 * 1024 ** 2];

/** Nodes that have the pod's images already; an image that few nodes have counts less, so that they are not all crowded. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  weight: 1,
  prepare({ pod }, cluster) {
    const images = (pod.spec?.containers ?? []).map((container) => normalized(container.image ?? ''));
    const shared = images.map((image) => cluster.nodesWithImage(image) / Math.max(1, cluster.nodes.length));
    if (shared.every((part) => part === 0)) return nothing;
    const most = largeImage * images.length;
    return {
      score: (node) => {
        const sum = images.reduce((total, image, index) => total + (node.images.get(image) ?? 0) * (shared[index] ?? 0), 0);
        return (100 * (Math.min(most, Math.max(smallImage, sum)) - smallImage)) / (most - smallImage);
      },
    };
  },
  wakes: () => false,
};

/** `nginx` → `nginx:latest`, as nodes list their images. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}
