import { KindError } from '../../base/errors.ts';

/** In the kernel's order, from bit 0. https://man7.org/linux/man-pages/man7/capabilities.7.html */
export const allCapabilities =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
    .split(' ')
    .map((name) => `CAP_${name}`);

/** Docker's default set. */
export const defaultCapabilities: readonly string[] =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

export interface CapabilityRequest {
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
  readonly privileged?: boolean;
}

/** The container's capabilities, in the kernel's order, limited to what davit itself may give (`bounding`). */
export function resolveCapabilities(request: CapabilityRequest, bounding: ReadonlySet<string>): readonly string[] {
  const wanted = request.privileged ? new Set(allCapabilities) : adjusted(normalize(request.add ?? []), normalize(request.drop ?? []));
  return allCapabilities.filter((name) => wanted.has(name) && bounding.has(name));
}

function adjusted(add: readonly string[], drop: readonly string[]): ReadonlySet<string> {
  const base = add.includes('ALL') ? allCapabilities : drop.includes('ALL') ? [] : defaultCapabilities;
  const kept = base.filter((name) => !drop.includes(name));
  return new Set([...kept, ...add.filter((name) => name !== 'ALL')]);
}

function normalize(names: readonly string[]): readonly string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === 'ALL') return upper;
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!allCapabilities.includes(name)) throw new KindError('invalid', `invalid capability: unknown capability: "${name}"`);
    return name;
  });
}
