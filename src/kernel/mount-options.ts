/** What mount(2), mount_setattr(2) and the propagation call need for one list of options. */
export interface MountCalls {
  readonly flags: number;
  /** File system data, comma separated. */
  readonly data: string;
  /** For bind mounts only: the first mount(2) ignores their flags. */
  readonly attributes?: { readonly set: number; readonly clear: number };
  readonly propagation?: number;
  readonly isRecursive: boolean;
  /** `['rslave']` alone: nothing is mounted. */
  readonly isPropagationOnly: boolean;
}

const bind = 4096;
const recursive = 16384;
const remount = 32;

/** [mount(2) flag, mount_setattr(2) set, clear]: linux/mount.h */
const flagTable: Readonly<Record<string, readonly [number, number, number]>> = {
  ro: [1, 0x1, 0],
  nosuid: [2, 0x2, 0],
  nodev: [4, 0x4, 0],
  noexec: [8, 0x8, 0],
  noatime: [1024, 0x10, 0x70],
  strictatime: [1 << 24, 0x20, 0x70],
  relatime: [1 << 21, 0, 0x70],
  nodiratime: [2048, 0x80, 0],
  sync: [16, 0, 0],
  dirsync: [128, 0, 0],
  remount: [remount, 0, 0],
  bind: [bind, 0, 0],
  rbind: [bind | recursive, 0, 0],
};

const defaults = new Set(['defaults', 'rw', 'suid', 'dev', 'exec', 'async', 'atime', 'diratime']);

const propagationTable: Readonly<Record<string, number>> = {
  unbindable: 1 << 17,
  runbindable: (1 << 17) | recursive,
  private: 1 << 18,
  rprivate: (1 << 18) | recursive,
  slave: 1 << 19,
  rslave: (1 << 19) | recursive,
  shared: 1 << 20,
  rshared: (1 << 20) | recursive,
};

export function mountCalls(options: readonly string[]): MountCalls {
  let flags = 0;
  let set = 0;
  let clear = 0;
  let propagation: number | undefined;
  const data: string[] = [];
  for (const option of options) {
    const flag = flagTable[option];
    if (flag) {
      flags |= flag[0];
      set |= flag[1];
      clear |= flag[2];
      continue;
    }
    const kind = propagationTable[option];
    if (kind !== undefined) propagation = kind;
    else if (!defaults.has(option)) data.push(option);
  }
  const isBind = (flags & bind) !== 0;
  const isRecursive = (flags & recursive) !== 0;
  return {
    flags: isBind ? flags & (bind | recursive | remount) : flags,
    data: data.join(','),
    ...(isBind && (set | clear) !== 0 ? { attributes: { set, clear } } : {}),
    ...(propagation === undefined ? {} : { propagation }),
    isRecursive,
    isPropagationOnly: flags === 0 && propagation !== undefined && data.length === 0,
  };
}
