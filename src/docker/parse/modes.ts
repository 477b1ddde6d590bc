import type { HostConfig } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';
import type { ContainerSpec } from '../../engine/containers/container.ts';

/** Namespaces that are shared with the host or another container. */
export function parseModes(host: HostConfig): Pick<ContainerSpec, 'pidMode' | 'ipcMode' | 'utsMode' | 'cgroupMode'> {
  return {
    pidMode: parsePid(host.PidMode ?? ''),
    ipcMode: parseIpc(host.IpcMode ?? ''),
    utsMode: parseUts(host.UTSMode ?? ''),
    cgroupMode: parseCgroup(host.CgroupnsMode ?? ''),
  };
}

function parseCgroup(mode: string): ContainerSpec['cgroupMode'] {
  if (mode === '') return undefined;
  if (mode === 'host' || mode === 'private') return mode;
  throw new KindError('invalid', `invalid cgroup namespace mode: ${mode}`);
}

function parsePid(mode: string): ContainerSpec['pidMode'] {
  if (mode === '' || mode === 'private') return undefined;
  if (mode === 'host' || isContainerMode(mode)) return mode;
  throw new KindError('invalid', `invalid PID mode: ${mode}`);
}

function parseIpc(mode: string): ContainerSpec['ipcMode'] {
  if (mode === '') return undefined;
  if (mode === 'private' || mode === 'host' || mode === 'shareable' || mode === 'none' || isContainerMode(mode)) return mode;
  throw new KindError('invalid', `invalid IPC mode: ${mode}`);
}

function parseUts(mode: string): ContainerSpec['utsMode'] {
  if (mode === '') return undefined;
  if (mode === 'host') return mode;
  throw new KindError('invalid', `invalid UTS mode: ${mode}`);
}

function isContainerMode(mode: string): mode is `container:${string}` {
  return /^container:.+/.test(mode);
}

type Security = Pick<
  ContainerSpec,
  'capAdd' | 'capDrop' | 'privileged' | 'readonlyRoot' | 'noNewPrivileges' | 'seccomp' | 'maskedPaths' | 'readonlyPaths'
>;

export function parseSecurity(host: HostConfig): Security {
  return {
    maskedPaths: host.MaskedPaths,
    readonlyPaths: host.ReadonlyPaths,
    capAdd: host.CapAdd?.map(capability),
    capDrop: host.CapDrop?.map(capability),
    privileged: host.Privileged,
    readonlyRoot: host.ReadonlyRootfs,
    ...parseSecurityOptions(host.SecurityOpt ?? []),
  };
}

function capability(name: string): string {
  const upper = name.toUpperCase();
  if (!/^[A-Z_]+$/.test(upper)) throw new KindError('invalid', `invalid capability: "${name}"`);
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

/** `no-new-privileges`, `seccomp=unconfined|<profile as JSON>`, `apparmor=unconfined`, `label=disable`; older clients write `:` for `=`. */
function parseSecurityOptions(options: readonly string[]): Pick<Security, 'noNewPrivileges' | 'seccomp'> {
  let security: Pick<Security, 'noNewPrivileges' | 'seccomp'> = {};
  for (const option of options) {
    const [, name = '', value = ''] = /^([^=:]*)[=:]?([^]*)$/.exec(option) ?? [];
    if (name === 'no-new-privileges') security = { ...security, noNewPrivileges: parseFlag(option, value) };
    else if (name === 'seccomp') security = { ...security, seccomp: parseSeccomp(value) };
    else if (!isHarmless(name, value))
      throw new KindError('invalid', `invalid --security-opt: "${option}" is not supported by this engine`);
  }
  return security;
}

function parseFlag(option: string, value: string): boolean {
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new KindError('invalid', `invalid --security-opt 2: "${option}"`);
}

/** Asks for what is so anyway: this engine confines by neither AppArmor nor SELinux. */
function isHarmless(name: string, value: string): boolean {
  return (name === 'apparmor' && value === 'unconfined') || (name === 'label' && value === 'disable');
}

function parseSeccomp(value: string): ContainerSpec['seccomp'] {
  if (value === 'unconfined') return 'unconfined';
  if (value === 'builtin' || value === 'default') return 'default';
  try {
    const profile: unknown = JSON.parse(value);
    if (typeof profile === 'object' && profile !== null) return profile;
  } catch {
    // told below
  }
  throw new KindError('invalid', 'Decoding seccomp profile failed: it must be `unconfined`, `builtin` or a profile in JSON');
}
