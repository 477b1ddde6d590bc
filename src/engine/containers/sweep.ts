import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeSpec } from '../../api/oci/runtime.ts';
import { messageOf } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { EngineConfig } from '../engine.ts';
import { releasePrivateMounts } from './private-mounts.ts';
import type { Registry } from './registry.ts';

/** Garbage is what is on disk minus what is in the store: runs of build steps and half-made containers of an engine that was killed. */
export async function sweep(kernel: Kernel, config: EngineConfig, registry: Registry, log: Log): Promise<void> {
  const known = new Set(registry.all().map(({ id }) => shortId(id)));
  const root = join(config.runRoot, 'c');
  const strangers = (existsSync(root) ? readdirSync(root) : []).filter((name) => !known.has(name));
  await Promise.all(
    strangers.map(async (name) => {
      const bundle = join(root, name);
      try {
        const id = runtimeId(bundle, name);
        await kernel.runtime.delete(id, { force: true });
        kernel.mounts.unmount(join(bundle, 'rootfs'));
        kernel.namespaces.remove(join(config.runRoot, 'n', name));
        releasePrivateMounts(kernel.mounts, { binds: join(config.runRoot, 'v', name) });
        rmSync(bundle, { recursive: true, force: true });
      } catch (error) {
        log.warn({ bundle, error: messageOf(error) }, 'left-over container could not be removed');
      }
    }),
  );
  const data = join(config.dataRoot, 'containers');
  const kept = new Set(registry.all().map(({ id }) => id));
  for (const id of existsSync(data) ? readdirSync(data) : []) if (!kept.has(id)) rmSync(join(data, id), { recursive: true, force: true });
}

/** The full ID is in config.json's cgroup path; the folder only carries its first twelve digits. */
function runtimeId(bundle: string, name: string): string {
  try {
    const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as RuntimeSpec;
    return spec.linux.cgroupsPath?.split('/').at(-1) ?? name;
  } catch {
    return name;
  }
}
