import { KindError } from '../base/errors.ts';
import { mountCalls } from './mount-options.ts';
import type { MountPoint, Mounts } from './mounts.ts';

const fileSystems = new Set(['overlay', 'tmpfs', 'proc', 'sysfs', 'devpts', 'mqueue', 'cgroup', 'cgroup2', 'ext4', 'bind', 'none', 'bpf']);

/** A mount table. What is mounted has no content; the targets need not exist. */
export function fakeMounts(): Mounts {
  const table: MountPoint[] = [];
  let lastId = 0;
  return {
    mount({ type, source, target, options }) {
      const calls = mountCalls(options);
      const isBind = options.some((option) => option === 'bind' || option === 'rbind');
      if (!fileSystems.has(type) && !isBind && !calls.isPropagationOnly)
        throw new KindError('notFound', `mount ${type} ${source} on ${target}: ENODEV`);
      const existing = table.findLastIndex((mount) => mount.target === target);
      if (calls.isPropagationOnly || options.includes('remount')) {
        if (existing < 0) throw new KindError('invalid', `mount ${type} ${source} on ${target}: EINVAL`);
        const [before] = table.splice(existing, 1);
        if (before) table.push({ ...before, options: calls.isPropagationOnly ? before.options : [...options] });
        return;
      }
      const mountOptions = options.includes('ro')
        ? ['ro', ...options.filter((option) => option !== 'ro')]
        : ['rw', ...options.filter((option) => option !== 'rw')];
      table.push({
        id: ++lastId,
        propagation: [],
        type: isBind ? 'ext4' : type,
        source: isBind ? '/dev/fake' : source,
        root: isBind ? source : '/',
        target,
        options: mountOptions,
      });
    },

    unmount(target) {
      const at = table.findLastIndex((mount) => mount.target === target);
      if (at >= 0) table.splice(at, 1);
    },

    async unmountWritten(target) {
      this.unmount(target);
    },

    list: () => [...table],
  };
}
