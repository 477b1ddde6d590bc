import { closeSync, existsSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KindError, wrap } from '../base/errors.ts';
import { linuxLinks } from './links.linux.ts';
import { linuxMounts } from './mounts.linux.ts';
import { native, systemError } from './native.ts';
import type { NamespaceKind, Namespaces } from './namespaces.ts';
import { cloneFlags, inNetwork, returnTo } from './network-namespace.ts';

/** Magic number of nsfs, linux/magic.h. */
const nsfs = 0x6e736673;

export const linuxNamespaces: Namespaces = {
  create(pins, options = {}) {
    const kinds = Object.keys(pins) as NamespaceKind[];
    const made: string[] = [];
    try {
      inFreshNamespaces(kinds, () => {
        for (const kind of kinds) {
          const path = pins[kind] as string;
          pin(kind, path);
          made.push(path);
        }
        furnish(kinds, options);
      });
    } catch (error) {
      for (const path of made) linuxNamespaces.remove(path);
      throw wrap(error, `create namespaces ${kinds.join(', ')}`);
    }
  },

  remove(path) {
    linuxMounts.unmount(path);
    rmSync(path, { force: true });
  },

  inNetwork,

  exists(path) {
    return existsSync(path) && statfsSync(path).type === nsfs;
  },
};

/** One synchronous section: nothing else of this thread runs while it is away from home. */
function inFreshNamespaces(kinds: readonly NamespaceKind[], run: () => void): void {
  const homes = kinds.map((kind) => ({ kind, fd: openSync(`/proc/thread-self/ns/${kind}`, 'r') }));
  try {
    const flags = kinds.reduce((all, kind) => all | cloneFlags[kind], 0);
    if (native.unshare(flags) !== 0) throw systemError('unshare');
    try {
      run();
    } finally {
      for (const { kind, fd } of homes) returnTo(fd, kind);
    }
  } finally {
    for (const { fd } of homes) closeSync(fd);
  }
}

function pin(kind: NamespaceKind, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path)) throw new KindError('alreadyExists', `${path} exists`);
  writeFileSync(path, '', { flag: 'wx' });
  try {
    linuxMounts.mount({ type: 'none', source: `/proc/thread-self/ns/${kind}`, target: path, options: ['bind'] });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Inside: `lo` up, hostname and sysctls (`net.ipv4.ip_forward` is /proc/sys/net/ipv4/ip_forward of the thread's namespace). */
function furnish(kinds: readonly NamespaceKind[], options: NonNullable<Parameters<Namespaces['create']>[1]>): void {
  if (kinds.includes('net')) linuxLinks.apply([{ do: 'setUp', name: 'lo' }]);
  if (options.hostname !== undefined && kinds.includes('uts')) {
    if (native.sethostname(options.hostname, Buffer.byteLength(options.hostname)) !== 0)
      throw systemError(`set hostname ${options.hostname}`);
  }
  for (const [name, value] of Object.entries(options.sysctls ?? {})) {
    try {
      writeFileSync(`/proc/sys/${sysctlPath(name)}`, value);
    } catch (error) {
      throw wrap(error, `set sysctl ${name}=${value}`);
    }
  }
}

/** Dots separate; in `net.ipv4.conf.eth0/100.x` a slash stands for a dot of the name, as in sysctl(8). */
function sysctlPath(name: string): string {
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}
