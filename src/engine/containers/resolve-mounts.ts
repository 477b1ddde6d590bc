import { mkdirSync, statSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { KindError } from '../../base/errors.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { ContainerSpec, MountSpec, ResolvedMount } from './container.ts';

/** Mounts of a container on this host: makes the volumes it names and anonymous ones for the image's VOLUMEs. Later targets replace earlier ones. */
export async function resolveMounts(
  spec: ContainerSpec,
  imageVolumes: readonly string[],
  volumes: Volumes,
): Promise<readonly ResolvedMount[]> {
  const asked = spec.mounts ?? [];
  const targets = new Set(asked.map(({ target }) => normalize(target)));
  const implied: readonly MountSpec[] = imageVolumes
    .filter((target) => !targets.has(normalize(target)))
    .map((target) => ({ type: 'volume', target, readOnly: false }));
  const resolved = new Map<string, ResolvedMount>();
  for (const mount of [...implied, ...asked]) {
    const target = checkTarget(mount.target);
    if (spec.mounts?.filter((other) => normalize(other.target) === target).length !== 1 && asked.includes(mount))
      throw new KindError('invalid', `Duplicate mount point: ${target}`);
    resolved.set(target, await resolveMount(mount, target, volumes));
  }
  return [...resolved.values()];
}

async function resolveMount(mount: MountSpec, target: string, volumes: Volumes): Promise<ResolvedMount> {
  if (mount.type === 'tmpfs') return { type: 'tmpfs', source: mount.options.join(','), target, readOnly: false, propagation: '' };
  if (mount.type === 'bind') {
    checkSource(mount.source, mount.createSource ?? false);
    return {
      type: 'bind',
      source: mount.source,
      target,
      readOnly: mount.readOnly,
      propagation: mount.propagation || 'rprivate',
      ...(mount.nonRecursive && { nonRecursive: true }),
      ...(mount.readOnlyNonRecursive && { readOnlyNonRecursive: true }),
    };
  }
  const { labels, driverOptions: options, subpath } = mount;
  const volume = await volumes.create({ ...(mount.source && { name: mount.source }), labels, options });
  return {
    type: 'volume',
    name: volume.name,
    source: volume.mountpoint,
    target,
    readOnly: mount.readOnly,
    propagation: '',
    ...(subpath && { subpath: relativeSubpath(subpath) }),
  };
}

function relativeSubpath(subpath: string): string {
  if (isAbsolute(subpath)) throw new KindError('invalid', 'invalid mount config: subpath must be a relative path within the volume');
  const clean = normalize(subpath);
  if (clean === '..' || clean.startsWith('../'))
    throw new KindError('invalid', `invalid mount config: subpath ${subpath} leads out of the volume`);
  return clean;
}

function checkTarget(target: string): string {
  const clean = normalize(target).replace(/(.)\/$/, '$1');
  if (!isAbsolute(clean))
    throw new KindError('invalid', `invalid mount config: invalid mount path: '${target}' mount path must be absolute`);
  if (clean === '/') throw new KindError('invalid', "invalid mount config: invalid specification: destination can't be '/'");
  return clean;
}

function checkSource(source: string, create: boolean): void {
  if (!isAbsolute(source))
    throw new KindError('invalid', `invalid mount config for type "bind": invalid mount path: '${source}' mount path must be absolute`);
  if (create) mkdirIfMissing(source);
  else if (!statSync(source, { throwIfNoEntry: false }))
    throw new KindError('invalid', `invalid mount config for type "bind": bind source path does not exist: ${source}`);
}

function mkdirIfMissing(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })) mkdirSync(path, { recursive: true });
}
