import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { LaunchParts } from './launch.ts';
import type { Lifecycle } from './lifecycle.ts';
import { sweep } from './sweep.ts';

/** What an earlier engine left becomes ours: leftovers go, records meet the kernel's facts, rules and names come back. */
export async function takeOver(parts: LaunchParts, lifecycle: Lifecycle, log: Log): Promise<void> {
  const { kernel, config, registry, network, snapshots } = parts;
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
