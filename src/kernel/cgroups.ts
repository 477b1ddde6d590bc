/** Control groups, v1 (all controllers mounted apart; hybrid counts as 1) or v2 (unified): detected, never assumed. Paths are like runc's cgroupsPath: `/davit/<id>`. */
export interface Cgroups {
  readonly version: 1 | 2;
  /** Makes the group in every controller and writes limits; an existing group gets the new limits. */
  create(path: string, limits: CgroupLimits): void;
  /** Removes the group and its (empty) children; succeeds when there is none. */
  remove(path: string): void;
  stats(path: string): CgroupStats;
  /** Processes of the group and its children. */
  processes(path: string): readonly number[];
  /** A process is about to be put into some group: pays the kernel's wait for that ahead, in the background. Changes nothing. */
  expectEntry(): void;
  /** Controllers that can be used here, e.g. `cpu`, `memory`, `pids`. */
  controllers(): readonly string[];
  /** Whether all its processes are stopped by the freezer. */
  isFrozen(path: string): boolean;
  /** Whether some group here has a weight among those that want a disk: only the BFQ scheduler weighs (CFQ did). */
  hasIoWeights(): boolean;
}

export interface CgroupLimits {
  readonly memoryBytes?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuShares?: number;
  readonly pids?: number;
}

/** Numbers as the kernel keeps them; undefined where the controller is missing. */
export interface CgroupStats {
  readonly cpu?: {
    readonly usageNs: number;
    readonly userNs: number;
    readonly systemNs: number;
    readonly perCpuNs: readonly number[];
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
  };
  readonly memory?: {
    readonly usageBytes: number;
    readonly maxUsageBytes: number;
    readonly limitBytes: number;
    readonly oomKills: number;
    /** memory.stat, raw. */
    readonly stat: Readonly<Record<string, number>>;
  };
  readonly pids?: { readonly current: number; readonly limit: number | undefined };
  readonly io?: readonly { readonly major: number; readonly minor: number; readonly op: string; readonly bytes: number }[];
}
