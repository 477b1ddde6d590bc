import { rm } from 'node:fs/promises';
import type { LaunchParts } from './launch.ts';
import { ignoreConflict } from './lifecycle-rules.ts';
import { pathsOf } from './paths.ts';
import type { ContainerRecord } from './record.ts';

/** Everything on disk of a container that does not run; harmless when repeated. */
export async function takeAwayFiles({ kernel, config, snapshots }: LaunchParts, { id }: ContainerRecord): Promise<void> {
  const paths = pathsOf(config, id);
  kernel.mounts.unmount(paths.rootfs);
  await snapshots.remove(id);
  await Promise.all([rm(paths.bundle, { recursive: true, force: true }), rm(paths.data, { recursive: true, force: true })]);
}

/** The volumes that it alone had. */
export async function takeAwayVolumes({ volumes }: LaunchParts, record: ContainerRecord): Promise<void> {
  const named = new Set(record.spec.mounts?.flatMap((mount) => (mount.type === 'volume' && mount.source ? [mount.source] : [])));
  for (const { name } of record.mounts) {
    if (name && !named.has(name)) await volumes.remove(name, { force: true }).catch(ignoreConflict);
  }
}
