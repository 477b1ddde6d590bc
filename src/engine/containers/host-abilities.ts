import type { Cgroups } from '../../kernel/cgroups.ts';
import type { ContainerSpec, ResourceLimits } from './container.ts';

export interface Possible {
  readonly spec: ContainerSpec;
  /** In dockerd's words. */
  readonly warnings: readonly string[];
}

/** What of a wish this kernel cannot do is left out, with a warning; so is what makes no sense together. */
export function possibleHere(spec: ContainerSpec, cgroups: Pick<Cgroups, 'version' | 'hasIoWeights'>): Possible {
  const limits = spec.limits ?? {};
  const lost = [...lostWeights(limits, cgroups), ...lostMemory(limits, cgroups)];
  const left = lost.reduce<ResourceLimits>((current, { without }) => ({ ...current, ...without }), limits);
  const warnings = lost.map(({ warning }) => warning);
  return {
    spec: lost.length > 0 ? { ...spec, limits: left } : spec,
    warnings: [...warnings, ...senseless({ ...spec, limits: left })],
  };
}

interface Lost {
  readonly warning: string;
  readonly without: ResourceLimits;
}

function lostWeights({ blkioWeight, blkioDevices }: ResourceLimits, cgroups: Pick<Cgroups, 'hasIoWeights'>): readonly Lost[] {
  const hasDevices = blkioDevices?.some(({ kind }) => kind === 'weight') ?? false;
  if ((!blkioWeight && !hasDevices) || cgroups.hasIoWeights()) return [];
  const rates = blkioDevices?.filter(({ kind }) => kind !== 'weight') ?? [];
  return [
    ...(blkioWeight
      ? [
          {
            warning: 'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
            without: { blkioWeight: undefined },
          },
        ]
      : []),
    ...(hasDevices
      ? [
          {
            warning: 'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
            without: { blkioDevices: rates.length > 0 ? rates : undefined },
          },
        ]
      : []),
  ];
}

/** The unified hierarchy has neither. */
function lostMemory({ oomKillDisable, memorySwappiness }: ResourceLimits, { version }: Pick<Cgroups, 'version'>): readonly Lost[] {
  if (version === 1) return [];
  const swappiness =
    'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.';
  return [
    ...(memorySwappiness === undefined ? [] : [{ warning: swappiness, without: { memorySwappiness: undefined } }]),
    ...(oomKillDisable
      ? [
          {
            warning: 'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
            without: { oomKillDisable: undefined },
          },
        ]
      : []),
  ];
}

function senseless({ limits = {}, network, ports = [] }: ContainerSpec): readonly string[] {
  return [
    ...(limits.oomKillDisable && !limits.memoryBytes
      ? ['OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.']
      : []),
    ...(network === 'host' && ports.length > 0 ? ['Published ports are discarded when using host network mode'] : []),
  ];
}
