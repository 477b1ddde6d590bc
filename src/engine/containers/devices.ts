import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LinuxDevice } from '../../api/oci/runtime.ts';
import { KindError } from '../../base/errors.ts';

/** Directories of /dev that every container has of its own. */
const own: ReadonlySet<string> = new Set(['/dev/pts', '/dev/shm', '/dev/fd', '/dev/mqueue', '/dev/.lxc', '/dev/.lxd-mounts', '/dev/.udev']);

/** A device node, or all below a directory, as the runtime makes them. */
export function hostDevices(hostPath: string, containerPath: string): readonly LinuxDevice[] {
  if (own.has(hostPath) || hostPath === '/dev/console') return [];
  const stat = statSync(hostPath, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isDirectory()) return readdirSync(hostPath).flatMap((name) => hostDevices(join(hostPath, name), join(containerPath, name)));
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return [];
  const { rdev } = stat;
  return [
    {
      path: containerPath,
      type: stat.isBlockDevice() ? 'b' : 'c',
      major: (rdev >> 8) & 0xfff,
      minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00),
      fileMode: stat.mode & 0o777,
      uid: stat.uid,
      gid: stat.gid,
    },
  ];
}

/** Numbers of a block device that limits are written for. */
export function blockDeviceNumber(path: string): { readonly major: number; readonly minor: number } {
  const [device] = hostDevices(path, path);
  if (device?.type !== 'b' || device.major === undefined || device.minor === undefined)
    throw new KindError('invalid', `no such block device: ${path}`);
  return { major: device.major, minor: device.minor };
}

export function initProgram(): string {
  const found = [
    '/usr/bin/docker-init',
    '/usr/libexec/docker/docker-init',
    '/usr/bin/tini-static',
    '/usr/bin/tini',
    '/usr/bin/catatonit',
  ].find((path) => existsSync(path));
  if (!found) throw new KindError('unavailable', 'exec: "docker-init": executable file not found in $PATH (install the package tini)');
  return found;
}
