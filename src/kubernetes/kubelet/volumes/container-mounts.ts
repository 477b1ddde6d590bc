import { lstat, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { KindError } from '../../../base/errors.ts';
import type { Container } from '../../../api/kubernetes/types.generated.ts';
import type { MountSpec } from '../../../engine/containers/container.ts';
import { expand } from '../pod/expand.ts';
import type { MountedVolume } from './volumes.ts';

/** A container's volumeMounts as bind mounts of the pod's volumes. */
export async function containerMounts(
  container: Container,
  volumes: ReadonlyMap<string, MountedVolume>,
  environment: ReadonlyMap<string, string>,
): Promise<readonly MountSpec[]> {
  return Promise.all(
    (container.volumeMounts ?? []).map(async (mount): Promise<MountSpec> => {
      const volume = volumes.get(mount.name);
      if (!volume) throw new KindError('invalid', `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
      const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, environment);
      return {
        type: 'bind',
        source: subPath ? await insideVolume(volume.path, subPath, container.name) : volume.path,
        target: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        readOnly: volume.readOnly || (mount.readOnly ?? false),
        ...(mount.mountPropagation === undefined ? {} : { propagation: propagations[mount.mountPropagation] ?? 'rprivate' }),
      };
    }),
  );
}

const propagations: Readonly<Record<string, string>> = { None: 'rprivate', HostToContainer: 'rslave', Bidirectional: 'rshared' };

/** The sub path, made as a directory when missing; a symlink that leads out of the volume is refused. */
async function insideVolume(root: string, subPath: string, container: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new KindError('invalid', `subPath "${subPath}" must be relative and not contain ".."`);
  const path = join(root, subPath);
  const found = await lstat(path).catch(() => undefined);
  if (!found) await mkdir(path, { recursive: true });
  const [real, top] = await Promise.all([realpath(path), realpath(root)]);
  if (real !== top && !real.startsWith(`${top}/`))
    throw new KindError(
      'forbidden',
      `failed to prepare subPath for volumeMount of container "${container}": "${subPath}" leads out of its volume`,
    );
  return real;
}
