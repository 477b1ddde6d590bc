import { KindError } from '../../base/errors.ts';
import type { Cgroups } from '../../kernel/cgroups.ts';
import type { BlkioDevice, ContainerSpec, ResourceLimits } from './container.ts';

export interface Possible {
  readonly spec: ContainerSpec;
  /** In dockerd's words. */
  readonly warnings: readonly string[];
}

/** What of a wish this kernel cannot do is left out, with a warning; so is what makes no sense together. */
export function possibleHere(spec: ContainerSpec, cgroups: Pick<Cgroups, 'version' | 'controllers' | 'hasIoWeights'>): Possible {
  const limits = spec.limits ?? {};
  const controllers = new Set(cgroups.controllers());
  if (limits.nanoCpus && !controllers.has('cpu')) {
    throw new KindError(
      'invalid',
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  }
  const can: Abilities = {
    memory: controllers.has('memory'),
    oomSwitch: controllers.has('memory') && cgroups.version === 1,
    cpu: controllers.has('cpu'),
    cpuset: controllers.has('cpuset'),
    pids: controllers.has('pids'),
    rates: controllers.has('blkio') || controllers.has('io'),
    weights: cgroups.hasIoWeights(),
  };
  const lost = needs.filter(({ ability, isAsked }) => !can[ability] && isAsked(limits));
  const left = lost.reduce((current, { without }) => ({ ...current, ...without(current) }), limits);
  return {
    spec: lost.length > 0 ? { ...spec, limits: left } : spec,
    warnings: [...lost.map(({ warning }) => warning), ...senseless({ ...spec, limits: left })],
  };
}

type Ability = 'memory' | 'oomSwitch' | 'cpu' | 'cpuset' | 'pids' | 'rates' | 'weights';
type Abilities = Readonly<Record<Ability, boolean>>;

interface Need {
  readonly ability: Ability;
  readonly isAsked: (limits: ResourceLimits) => boolean;
  readonly without: (limits: ResourceLimits) => ResourceLimits;
  readonly warning: string;
}

const needs: readonly Need[] = [
  need(
    'memory',
    ['memoryBytes', 'memorySwapBytes'],
    'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
  ),
  need(
    'oomSwitch',
    ['memorySwappiness'],
    'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
  ),
  need(
    'memory',
    ['memoryReservationBytes'],
    'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
  ),
  need('oomSwitch', ['oomKillDisable'], 'Your kernel does not support OomKillDisable. OomKillDisable discarded.'),
  need('pids', ['pids'], 'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.'),
  need('cpu', ['cpuShares'], 'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.'),
  need('cpu', ['cpuPeriodUs', 'cpuQuotaUs'], 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.'),
  need('cpuset', ['cpusetCpus', 'cpusetMems'], 'Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.'),
  need('weights', ['blkioWeight'], 'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.'),
  deviceNeed('weights', 'weight', 'Block I/O weight_device or the cgroup is not mounted. Weight-device'),
  deviceNeed('rates', 'readBps', 'BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit'),
  deviceNeed('rates', 'writeBps', 'BPS Block I/O write limit or the cgroup is not mounted. Block I/O BPS write limit'),
  deviceNeed('rates', 'readIops', 'IOPS Block read limit or the cgroup is not mounted. Block I/O IOPS read limit'),
  deviceNeed('rates', 'writeIops', 'IOPS Block write limit or the cgroup is not mounted. Block I/O IOPS write limit'),
];

function need(ability: Ability, fields: readonly (keyof ResourceLimits)[], warning: string): Need {
  return {
    ability,
    warning,
    isAsked: (limits) => fields.some((field) => limits[field] !== undefined),
    without: () => Object.fromEntries(fields.map((field) => [field, undefined])),
  };
}

function deviceNeed(ability: Ability, kind: BlkioDevice['kind'], what: string): Need {
  return {
    ability,
    warning: `Your kernel does not support ${what} discarded.`,
    isAsked: ({ blkioDevices = [] }) => blkioDevices.some((device) => device.kind === kind),
    without({ blkioDevices = [] }) {
      const left = blkioDevices.filter((device) => device.kind !== kind);
      return { blkioDevices: left.length > 0 ? left : undefined };
    },
  };
}

function senseless({ limits = {}, network, ports = [] }: ContainerSpec): readonly string[] {
  return [
    ...(limits.oomKillDisable && !limits.memoryBytes
      ? ['OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.']
      : []),
    ...(network === 'host' && ports.length > 0 ? ['Published ports are discarded when using host network mode'] : []),
  ];
}
