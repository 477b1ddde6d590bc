import { localPriority, type Priority } from '../aggregation/priorities.ts';
import type { Catalog } from '../catalog.ts';
import { groupVersions, versionRank, type GroupVersion } from './discovery.ts';

/** A group's version that another server answers. */
export interface RemoteVersion extends GroupVersion, Priority {
  /** As aggregated discovery lists them. */
  readonly resources: readonly object[];
  readonly isCurrent: boolean;
}

export interface Listed extends GroupVersion, Priority {
  readonly remote?: RemoteVersion;
}

/** Every version of every group, in the order in which clients prefer them. */
export function mergedVersions(catalog: Catalog, remotes: readonly RemoteVersion[]): readonly Listed[] {
  const isRemote = (one: GroupVersion): boolean => remotes.some((other) => other.group === one.group && other.version === one.version);
  const local = groupVersions(catalog).filter((one) => !isRemote(one));
  const all: readonly Listed[] = [
    ...local.map((one) => ({ ...one, ...localPriority(one.group, one.version) })),
    ...remotes.map((remote) => ({ ...remote, remote })),
  ];
  const highest = new Map<string, number>();
  for (const one of all) highest.set(one.group, Math.max(highest.get(one.group) ?? 0, one.groupPriorityMinimum));
  return all.toSorted(
    (a, b) =>
      (highest.get(b.group) ?? 0) - (highest.get(a.group) ?? 0) ||
      (a.group < b.group ? -1 : a.group > b.group ? 1 : 0) ||
      b.versionPriority - a.versionPriority ||
      versionRank(b.version) - versionRank(a.version),
  );
}
