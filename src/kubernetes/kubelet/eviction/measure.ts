import { lstat, readdir, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Container } from '../../../engine/containers/container.ts';
import type { Engine } from '../../../engine/engine.ts';
import { hostUsage, processCounts } from '../../../kernel/host-facts.ts';
import { podLabels } from '../pod/observed.ts';
import type { LocalStorage } from './local-storage.ts';
import type { Observations } from './pressure.ts';
import type { PodUsage, Usage } from './rank.ts';

/** What the host has left; images and pods share the file system of the data root. */
export async function observeHost(dataRoot: string): Promise<Observations> {
  const disk = await statfs(dataRoot);
  const space = { available: disk.bavail * disk.bsize, capacity: disk.blocks * disk.bsize };
  const inodes = { available: disk.ffree, capacity: disk.files };
  const { running, maximum } = processCounts();
  // Some file systems (btrfs) count no inodes.
  const counted = disk.files > 0 ? { 'nodefs.inodesFree': inodes, 'imagefs.inodesFree': inodes } : {};
  return {
    'memory.available': { available: totalmem() - hostUsage().workingSetBytes, capacity: totalmem() },
    'nodefs.available': space,
    'imagefs.available': space,
    ...counted,
    'pid.available': { available: maximum - running, capacity: maximum },
  };
}

/** Measures pods: memory and processes from their cgroups, disk by walking what they wrote. */
export class PodMeasure {
  readonly #engine: Engine;
  readonly #podsRoot: string;

  constructor(engine: Engine, podsRoot: string) {
    this.#engine = engine;
    this.#podsRoot = podsRoot;
  }

  async usage(pod: Pod): Promise<PodUsage> {
    const storage = await this.localStorage(pod);
    const running = (await this.#containersOf(pod)).filter(({ pid }) => pid !== undefined);
    const entries = running.map(async (container): Promise<readonly [string, Usage]> => {
      const name = nameOf(container);
      const stats = await this.#engine.containers.stats(container.id).catch(() => undefined);
      const { usageBytes = 0, stat = {} } = stats?.memory ?? {};
      const memoryBytes = Math.max(0, usageBytes - (stat['total_inactive_file'] ?? stat['inactive_file'] ?? 0));
      return [name, { memoryBytes, diskBytes: storage.containers.get(name), pids: stats?.pids?.current }];
    });
    const containers = new Map(await Promise.all(entries));
    const total = (field: keyof Usage): number => [...containers.values()].reduce((sum, usage) => sum + (usage[field] ?? 0), 0);
    const emptyDirs = [...storage.emptyDirs.values()].reduce((sum, bytes) => sum + bytes, 0);
    return {
      pod,
      containers,
      total: { memoryBytes: total('memoryBytes'), diskBytes: total('diskBytes') + emptyDirs, pids: total('pids') },
    };
  }

  async localStorage(pod: Pod): Promise<LocalStorage> {
    const folder = join(this.#podsRoot, pod.metadata.uid ?? '', 'volumes/kubernetes.io~empty-dir');
    const onDisk = (pod.spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory');
    const dirs = onDisk.map(async ({ name }) => [name, await bytesBelow(join(folder, name))] as const);
    const layers = (await this.#containersOf(pod)).map(async (container) => {
      const { writable } = await this.#engine.containers.size(container.id).catch(() => ({ writable: 0 }));
      const log = container.logPath === undefined ? 0 : await bytesBelow(container.logPath);
      return [nameOf(container), writable + log] as const;
    });
    return { emptyDirs: new Map(await Promise.all(dirs)), containers: new Map(await Promise.all(layers)) };
  }

  /** The newest attempt of each. */
  async #containersOf({ metadata }: Pod): Promise<readonly Container[]> {
    const own = (await this.#engine.containers.list()).filter(({ labels }) => labels[podLabels.uid] === metadata.uid);
    return [...new Map(own.toReversed().map((container) => [nameOf(container), container])).values()];
  }
}

function nameOf({ labels }: Container): string {
  return labels[podLabels.container] ?? '';
}

/** As `du` counts: blocks, links not followed. What goes away meanwhile counts nothing. */
async function bytesBelow(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return 0;
  const own = found.blocks * 512;
  if (!found.isDirectory()) return own;
  let total = own;
  for (const name of await readdir(path).catch(() => [])) total += await bytesBelow(join(path, name));
  return total;
}
