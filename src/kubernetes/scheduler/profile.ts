import { balancedAllocation, imageLocality, nodePorts, resourcesFit, type FitStrategy } from './plugins/capacity-rules.ts';
import { nodeAffinity, nodeName, nodeUnschedulable, taintToleration } from './plugins/node-rules.ts';
import type { Plugin } from './plugins/plugin.ts';
import { interPodAffinity } from './plugins/pod-affinity.ts';
import { podTopologySpread } from './plugins/topology-spread.ts';
import { volumeBinding, volumeRestrictions } from './plugins/volume-binding.ts';

/** A way of placing pods, chosen by a pod's spec.schedulerName. */
export interface Profile {
  readonly schedulerName: string;
  /** In the order in which nodes are asked: cheap refusals first. */
  readonly plugins: readonly Plugin[];
}

export const defaultSchedulerName = 'default-scheduler';

export function profile(schedulerName: string, strategy: FitStrategy = { type: 'LeastAllocated' }): Profile {
  const plugins = [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    resourcesFit(strategy),
    volumeRestrictions,
    volumeBinding,
    podTopologySpread,
    interPodAffinity,
    balancedAllocation,
    imageLocality,
  ];
  return { schedulerName, plugins: strategy.type === 'LeastAllocated' ? plugins : plugins.filter((one) => one !== balancedAllocation) };
}

/** `bin-packing-scheduler` fills one node before it begins the next. */
export const profiles: readonly Profile[] = [profile(defaultSchedulerName), profile('bin-packing-scheduler', { type: 'MostAllocated' })];
