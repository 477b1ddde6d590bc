import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KindError } from '../base/errors.ts';
import { parseMountInfo } from './mountinfo.ts';
import type { Mount, Mounts } from './mounts.ts';
import { mountCalls, type MountCalls } from './mount-options.ts';
import { native, systemError } from './native.ts';

const detach = 2;
const noFollow = 8;
const mountSetattrNumber = 442;
const atFdCwd = -100;
const atRecursive = 0x8000;
const pageLimit = 4095;

export const linuxMounts: Mounts = {
  mount(mount) {
    const calls = mountCalls(mount.options);
    attach(mount, calls);
    try {
      if (calls.attributes !== undefined) setAttributes(mount, calls.attributes, calls.isRecursive);
      if (calls.propagation !== undefined) setPropagation(mount, calls.propagation);
    } catch (error) {
      native.umount2(mount.target, detach | noFollow);
      throw error;
    }
  },

  unmount(target) {
    if (native.umount2(target, detach | noFollow) === 0) return;
    const error = systemError(`unmount ${target}`);
    if (error.kind !== 'invalid' && error.kind !== 'notFound') throw error;
  },

  async unmountWritten(target) {
    const isDone = await new Promise<boolean>((resolve, reject) =>
      native.umount2.async(target, detach | noFollow, (error: unknown, result: number) =>
        error ? reject(error as Error) : resolve(result === 0),
      ),
    );
    // The error number stays in the other thread: once more tells it, at no cost, since nothing was taken off.
    if (!isDone) this.unmount(target);
  },

  list() {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  },
};

function attach(mount: Mount, calls: MountCalls): void {
  if (calls.isPropagationOnly) return;
  const doing = `mount ${mount.type} ${mount.source} on ${mount.target}`;
  const { directory, data } = shorten(calls.data);
  if (data.length > pageLimit)
    throw new KindError('invalid', `${doing}: its options take ${data.length} bytes, the kernel accepts ${pageLimit}`);
  const home = directory === undefined ? '/' : process.cwd();
  if (directory !== undefined && native.chdir(directory) !== 0) throw systemError(`${doing}: chdir ${directory}`);
  try {
    if (native.mount(mount.source, mount.target, mount.type, calls.flags, data === '' ? null : data) !== 0) throw systemError(doing);
  } finally {
    if (directory !== undefined) native.chdir(home);
  }
}

/**
 * mount(2) takes one page of options, which some dozens of overlay layers exceed. Their common folder is then made the
 * working folder for the one synchronous call: `lowerdir=/a/b/1:/a/b/2` → in /a/b, `lowerdir=1:2`.
 */
function shorten(data: string): { readonly directory?: string; readonly data: string } {
  const lower = /(?:^|,)lowerdir=([^,]*)/.exec(data)?.[1];
  if (data.length <= pageLimit || lower === undefined) return { data };
  const paths = lower.split(':');
  let directory = dirname(paths[0] ?? '/');
  while (directory !== '/' && !paths.every((path) => path.startsWith(`${directory}/`))) directory = dirname(directory);
  if (directory === '/') return { data };
  const relative = paths.map((path) => path.slice(directory.length + 1)).join(':');
  return { directory, data: data.replace(lower, () => relative) };
}

/** mount_setattr(2): the only call that sets flags on a bind mount without losing those it has, and on a whole tree at once. */
function setAttributes(mount: Mount, attributes: MountCalls['attributes'] & object, isRecursive: boolean): void {
  const struct = Buffer.alloc(32);
  struct.writeBigUInt64LE(BigInt(attributes.set), 0);
  struct.writeBigUInt64LE(BigInt(attributes.clear), 8);
  const result = Number(
    native.mountSetattr(mountSetattrNumber, atFdCwd, mount.target, isRecursive ? atRecursive : 0, struct, struct.length),
  );
  if (result !== 0) throw systemError(`set ${mount.options.join(',')} on mount ${mount.target}`);
}

function setPropagation(mount: Mount, flags: number): void {
  if (native.mount('none', mount.target, null, flags, null) !== 0)
    throw systemError(`set ${mount.options.join(',')} on mount ${mount.target}`);
}
