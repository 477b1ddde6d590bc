import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode, wrap } from '../base/errors.ts';
import type { CgroupLimits, CgroupStats, Cgroups } from './cgroups.ts';
import { CgroupEntry } from './cgroup-entry.ts';
import { cgroupsV1, cgroupsV2, type CgroupVersion } from './cgroup-files.ts';
import { parseMountInfo } from './mountinfo.ts';
import type { MountPoint } from './mounts.ts';

export function linuxCgroups(mounts: readonly MountPoint[] = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'))): Cgroups {
  const version = detect(uncovered(mounts));
  const entry = new CgroupEntry(mounts);
  const folders = (path: string): readonly string[] => [...new Set(version.controllers.values())].map((root) => join(root, path));
  /** Also hierarchies without controllers (systemd's, the empty unified one): the runtime makes the group there too. */
  const everywhere = (path: string): readonly string[] => version.roots.map((root) => join(root, path));

  return {
    version: version.version,

    create(path, limits) {
      try {
        for (const folder of folders(path)) mkdirSync(folder, { recursive: true });
        for (const [controller, root] of version.controllers) prepare(version, controller, root, path);
        writeLimits(version, path, limits);
      } catch (error) {
        throw wrap(error, `create control group ${path}`);
      }
    },

    remove(path) {
      for (const folder of everywhere(path)) removeTree(folder);
    },

    stats(path): CgroupStats {
      return version.stats((controller, file) => {
        // In the unified hierarchy the kernel counts processor time of every group, whatever is turned on.
        const root = version.controllers.get(controller) ?? (version.version === 2 ? version.roots[0] : undefined);
        return root === undefined ? undefined : read(join(root, path, file));
      });
    },

    processes(path) {
      const pids = new Set<number>();
      for (const folder of everywhere(path)) for (const pid of processesOf(folder)) pids.add(pid);
      return [...pids].toSorted((a, b) => a - b);
    },

    expectEntry: () => entry.expect(),

    controllers: () => [...version.controllers.keys()],

    isFrozen(path) {
      if (version.version === 2) return read(join(version.roots[0] ?? '', path, 'cgroup.events'))?.includes('frozen 1') ?? false;
      const root = version.controllers.get('freezer');
      return root !== undefined && read(join(root, path, 'freezer.state'))?.trim() === 'FROZEN';
    },

    hasIoWeights() {
      const root = version.controllers.get('blkio') ?? version.controllers.get('io');
      if (root === undefined) return false;
      // The root group itself never has one.
      const [group] = childGroups(root);
      return group === undefined || ioWeightFiles.some((file) => existsSync(join(group, file)));
    },
  };
}

const ioWeightFiles = ['blkio.weight', 'blkio.bfq.weight', 'io.weight', 'io.bfq.weight'];

/** Without mounts that a later one hides, at their place or above it. */
function uncovered(mounts: readonly MountPoint[]): readonly MountPoint[] {
  const isOver = (later: MountPoint, { target }: MountPoint): boolean => `${target}/`.startsWith(`${later.target.replace(/\/$/, '')}/`);
  return mounts.filter((mount, at) => !mounts.slice(at + 1).some((later) => isOver(later, mount)));
}

/** Hybrid hosts mount v1 controllers and an empty v2 hierarchy: they count as v1. */
function detect(mounts: readonly MountPoint[]): CgroupVersion {
  const roots = [...new Set(mounts.filter((mount) => mount.type === 'cgroup' || mount.type === 'cgroup2').map((mount) => mount.target))];
  const v1 = new Map<string, string>();
  for (const mount of mounts) {
    if (mount.type !== 'cgroup') continue;
    for (const option of mount.options) if (cgroupsV1.known.has(option) && !v1.has(option)) v1.set(option, mount.target);
  }
  if (v1.size > 0) return { ...cgroupsV1, controllers: v1, roots };
  const unified = mounts.find((mount) => mount.type === 'cgroup2')?.target ?? '/sys/fs/cgroup';
  const names = read(join(unified, 'cgroup.controllers'))?.trim().split(' ') ?? [];
  return { ...cgroupsV2, controllers: new Map(names.filter((name) => name !== '').map((name) => [name, unified])), roots };
}

/** v1's cpuset starts empty and takes no process until filled; v2 hands controllers down from parent to child. */
function prepare(version: CgroupVersion, controller: string, root: string, path: string): void {
  const parts = path.split('/').filter((part) => part !== '');
  parts.forEach((_, index) => {
    const parent = join(root, ...parts.slice(0, index));
    const child = join(root, ...parts.slice(0, index + 1));
    if (version.version === 2) {
      tryWrite(join(parent, 'cgroup.subtree_control'), `+${controller}`);
      return;
    }
    if (controller !== 'cpuset') return;
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if ((read(join(child, file)) ?? 'x').trim() === '') writeFileSync(join(child, file), read(join(parent, file)) ?? '');
    }
  });
}

function writeLimits(version: CgroupVersion, path: string, limits: CgroupLimits): void {
  for (const { controller, file, value } of version.limits(limits)) {
    const root = version.controllers.get(controller);
    const target = root === undefined ? undefined : join(root, path, file);
    if (target !== undefined && existsSync(target)) writeFileSync(target, value);
  }
}

/** Children first: a group with children cannot be removed. */
function removeTree(folder: string): void {
  for (const child of childGroups(folder)) removeTree(child);
  try {
    rmdirSync(folder);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw wrap(error, `remove control group ${folder}`);
  }
}

function processesOf(folder: string): readonly number[] {
  const own = (read(join(folder, 'cgroup.procs')) ?? '').split('\n').filter((line) => line !== '');
  return [...own.map(Number), ...childGroups(folder).flatMap(processesOf)];
}

function childGroups(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}

function tryWrite(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {
    // The controller is not available to this part of the tree; the group works without.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
