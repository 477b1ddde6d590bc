import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { LaunchParts } from './launch.ts';
import type { Lifecycle } from './lifecycle.ts';
import { ignoreConflict } from './lifecycle-rules.ts';
import type { ContainerRecord } from './record.ts';
import { sweep } from './sweep.ts';

/** What an earlier engine left becomes ours: leftovers go, records meet the kernel's facts, rules and names come back. */
export async function takeOver(parts: LaunchParts, lifecycle: Lifecycle, log: Log): Promise<void> {
  const { kernel, config, registry, network, snapshots } = parts;
  const prepared = new Set(snapshots.keys());
  for (const record of registry.all()) if (isHalfMade(record, prepared)) await removeHalfMade(parts, record, log);
  await sweep(kernel, config, registry, log);
  for (const key of snapshots.keys()) if (!registry.byId(key)) await snapshots.remove(key);
  const told = (id: string, what: string) => (error: unknown) => log.error({ container: id, error: messageOf(error) }, what);
  await Promise.all(registry.all().map((record) => lifecycle.reload(record).catch(told(record.id, 'container could not be taken over'))));
  parts.volumes.sweep();
  await network.fabric.sync();
  await Promise.all(
    [...network.fabric.live.values()].map(async ({ owner, endpoints }) => {
      const known = endpoints.map(({ networkId }) => network.find(networkId));
      const named = known.find(({ predefined, ingress }) => !predefined && ingress === 'published');
      if (named) await parts.dns.serve(owner).catch(told(owner.id, 'embedded DNS could not be restored'));
    }),
  );
}

/** Killed in the middle of `create`, which nobody was told has succeeded: the record was first, its file system never came. */
async function removeHalfMade({ registry, volumes }: LaunchParts, record: ContainerRecord, log: Log): Promise<void> {
  log.info({ container: record.id }, 'half-made container removed');
  await registry.delete(record.id);
  const named = new Set(record.spec.mounts?.flatMap((mount) => (mount.type === 'volume' && mount.source ? [mount.source] : [])));
  for (const { name } of record.mounts) if (name && !named.has(name)) await volumes.remove(name, { force: true }).catch(ignoreConflict);
}

function isHalfMade({ id, startedAt, isRemoving }: ContainerRecord, prepared: ReadonlySet<string>): boolean {
  return !prepared.has(id) && !startedAt && !isRemoving;
}
