import { existsSync } from 'node:fs';
import type { Log } from '../base/log.ts';
import { removeStale } from '../docker/socket-place.ts';
import { type Config, pathsOf } from './config.ts';
import { openMachine } from './node.ts';

/** Takes everything of a stopped davit off the host: containers, sandboxes, links, rules, mounts, cgroups. Data stays. */
export async function takeDown(config: Config, log: Log): Promise<void> {
  for (const path of [pathsOf(config).dockerSocket, config.dockerSocket]) if (path) await removeStale(path);
  if (!existsSync(pathsOf(config).engineStore)) return;
  await using owner = new AsyncDisposableStack();
  const { kernel, engine } = await openMachine(config, log, owner);
  await engine.destroy();
  // Secrets and tokens of pods are in memory: in mounts that only the kubelet, which is gone, would have taken off.
  const volumes = kernel.mounts.list().filter(({ target }) => target.startsWith(`${config.dataRoot}/kubelet/`));
  for (const { target } of volumes.toReversed()) kernel.mounts.unmount(target);
  await kernel.firewall.nft('add table ip davit_proxy\ndelete table ip davit_proxy\n');
  kernel.cgroups.remove(config.cgroupParent);
}
