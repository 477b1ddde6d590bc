import type { LinuxDevice, LinuxResources, MountEntry, ProcessSpec, RuntimeSpec } from '../../api/oci/runtime.ts';
import { resolveCapabilities } from './capabilities.ts';
import type { Container, ContainerSpec, ResolvedMount } from './container.ts';
import { blockDeviceNumber } from './devices.ts';
import { processEnvironment } from './environment.ts';
import { toLinuxResources } from './limits.ts';
import { customSeccomp, defaultSeccomp, isAtLeast, type SeccompHost } from './seccomp.ts';
import type { ResolvedUser } from './user.ts';

/** What the host gives to every container. */
export interface SpecHost extends SeccompHost {
  readonly cgroupVersion: 1 | 2;
  readonly boundingCapabilities: ReadonlySet<string>;
}

/** Everything that was prepared on the host for one start. */
export interface SpecInput {
  readonly container: Container;
  readonly user: ResolvedUser;
  readonly rootfs: string;
  readonly cgroupsPath: string;
  /** Path to join, `host` to share the host's, undefined for a new one. */
  readonly namespaces: Readonly<Partial<Record<'network' | 'ipc' | 'uts' | 'pid', string>>>;
  /** Files mounted over /etc/…, by their name there. */
  readonly etcFiles: Readonly<Record<string, string>>;
  /** Host directory behind /dev/shm; undefined for one of its own. */
  readonly shmPath: string | undefined;
  readonly devices: readonly LinuxDevice[];
  /** Host path of the init program for `--init`. */
  readonly initPath: string | undefined;
}

export function renderSpec(input: SpecInput, host: SpecHost): RuntimeSpec {
  const { container } = input;
  const { spec } = container;
  const capabilities = capabilitiesOf(spec, host);
  const hostnameIsOurs = input.namespaces.uts === undefined;
  return {
    ociVersion: '1.0.2',
    process: {
      ...renderProcess(input, capabilities),
      args: input.initPath ? [initInside, '--', container.path, ...container.args] : [container.path, ...container.args],
    },
    root: { path: input.rootfs, readonly: spec.readonlyRoot ?? false },
    ...(hostnameIsOurs && { hostname: container.hostname }),
    mounts: mountsOf(input, host),
    ...(spec.runtimeAnnotations && { annotations: spec.runtimeAnnotations }),
    linux: {
      namespaces: namespacesOf(input, host),
      cgroupsPath: input.cgroupsPath,
      resources: { ...toLinuxResources(spec.limits ?? {}, blockDeviceNumber), devices: deviceRules(spec, input.devices) },
      ...(!spec.privileged && {
        maskedPaths: spec.maskedPaths ?? maskedPaths,
        readonlyPaths: spec.readonlyPaths ?? readonlyPaths,
      }),
      ...propagationOf(container.mounts),
      ...(!spec.privileged && seccompOf(spec, capabilities, host)),
      ...sysctlsOf(spec, hostnameIsOurs),
      ...(input.devices.length > 0 && { devices: input.devices }),
    },
  };
}

const initInside = '/sbin/docker-init';

/** The process of the container; exec replaces `args`, `env`, `cwd` and `user`. */
function renderProcess({ container, user }: SpecInput, capabilities: readonly string[]): ProcessSpec {
  const { spec } = container;
  return {
    terminal: spec.tty ?? false,
    ...(spec.tty && spec.consoleSize && { consoleSize: spec.consoleSize }),
    user: { uid: user.uid, gid: user.gid, ...(user.additionalGids.length > 0 && { additionalGids: user.additionalGids }) },
    args: [],
    env: processEnvironment(container.env, { hostname: container.hostname, tty: spec.tty ?? false, home: user.home }),
    cwd: container.workingDirectory || '/',
    capabilities: capabilitySets(capabilities, user),
    ...(spec.noNewPrivileges && { noNewPrivileges: true }),
    ...rlimitsOf(spec),
    ...(spec.limits?.oomScoreAdj !== undefined && { oomScoreAdj: spec.limits.oomScoreAdj }),
  };
}

/** Those of the container, also for what `exec` starts. */
export function rlimitsOf({ ulimits = [] }: ContainerSpec): Pick<ProcessSpec, 'rlimits'> {
  if (ulimits.length === 0) return {};
  return { rlimits: ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })) };
}

export function capabilitiesOf(spec: ContainerSpec, host: SpecHost): readonly string[] {
  return resolveCapabilities(
    { add: spec.capAdd ?? [], drop: spec.capDrop ?? [], privileged: spec.privileged ?? false },
    host.boundingCapabilities,
  );
}

/** Root gets them all; other users only keep them as the limit of what file capabilities and setuid programs can give. */
export function capabilitySets(capabilities: readonly string[], user: { readonly uid: number }): NonNullable<ProcessSpec['capabilities']> {
  const held = user.uid === 0 ? capabilities : [];
  return { bounding: capabilities, effective: held, permitted: held };
}

function namespacesOf({ namespaces, container }: SpecInput, host: SpecHost): RuntimeSpec['linux']['namespaces'] {
  const kinds = ['network', 'ipc', 'uts', 'pid'] as const;
  const chosen = kinds
    .filter((type) => namespaces[type] !== 'host')
    .map((type) => ({ type, ...(namespaces[type] !== undefined && { path: namespaces[type] }) }));
  return [{ type: 'mount' }, ...chosen, ...(isCgroupPrivate(container.spec, host) ? [{ type: 'cgroup' }] : [])];
}

function isCgroupPrivate({ cgroupMode, privileged }: ContainerSpec, { cgroupVersion }: SpecHost): boolean {
  return cgroupMode === undefined ? cgroupVersion === 2 && !privileged : cgroupMode === 'private';
}

export const maskedPaths: readonly string[] =
  '/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap'.split(
    ' ',
  );
export const readonlyPaths: readonly string[] = '/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger'.split(' ');

function mountsOf(input: SpecInput, host: SpecHost): readonly MountEntry[] {
  const { container, etcFiles, initPath } = input;
  const hasShm = container.spec.ipcMode !== 'none';
  const defaults = [...systemMounts(container.spec, input), ...(hasShm ? [shmMount(input)] : [])];
  const etc = Object.entries(etcFiles).map(([name, source]) => bind(source, `/etc/${name}`, ['rbind', 'rprivate']));
  const init = initPath ? [bind(initPath, initInside, ['bind', 'ro'])] : [];
  const own = container.mounts.map((mount) => userMount(mount, host)).sort((a, b) => depth(a.destination) - depth(b.destination));
  const taken = new Set(own.map(({ destination }) => destination));
  return [...[...defaults, ...etc, ...init].filter(({ destination }) => !taken.has(destination)), ...own];
}

function systemMounts(spec: ContainerSpec, { namespaces }: SpecInput): readonly MountEntry[] {
  const writable = spec.privileged ? [] : ['ro'];
  const sys: MountEntry =
    namespaces.network === 'host' || !spec.privileged
      ? { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', ...writable] }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'rw'] };
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    sys,
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', ...writable] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  ];
}

export const defaultShmBytes = 64 * 1024 * 1024;

function shmMount({ container, shmPath }: SpecInput): MountEntry {
  if (shmPath) return bind(shmPath, '/dev/shm', ['rbind', 'rprivate']);
  const size = container.spec.shmBytes || defaultShmBytes;
  return { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${size}`] };
}

/** Kernels before 5.12 cannot make all that is mounted below read-only as well. */
function userMount(mount: ResolvedMount, host: SpecHost): MountEntry {
  if (mount.type === 'tmpfs') {
    const given = mount.source ? mount.source.split(',') : [];
    return {
      destination: mount.target,
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', ...(given.includes('exec') ? [] : ['noexec']), ...given],
    };
  }
  const deep = !mount.readOnlyNonRecursive && !mount.nonRecursive && isAtLeast(host.kernelRelease, '5.12');
  const readOnly = mount.readOnly ? (deep ? ['ro', 'rro'] : ['ro']) : [];
  return bind(mount.source, mount.target, [mount.nonRecursive ? 'bind' : 'rbind', ...readOnly, mount.propagation || 'rprivate']);
}

function bind(source: string, destination: string, options: readonly string[]): MountEntry {
  return { destination, type: 'bind', source, options };
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

/** A mount that shares propagation with the host needs a root that does. */
function propagationOf(mounts: readonly ResolvedMount[]): { readonly rootfsPropagation?: string } {
  const kinds = mounts.map(({ propagation }) => propagation);
  if (kinds.some((kind) => kind === 'shared' || kind === 'rshared')) return { rootfsPropagation: 'shared' };
  if (kinds.some((kind) => kind === 'slave' || kind === 'rslave')) return { rootfsPropagation: 'slave' };
  return {};
}

function seccompOf(spec: ContainerSpec, capabilities: readonly string[], host: SpecHost): { readonly seccomp?: object } {
  if (spec.seccomp === 'unconfined') return {};
  return {
    seccomp: typeof spec.seccomp === 'object' ? customSeccomp(spec.seccomp, capabilities, host) : defaultSeccomp(capabilities, host),
  };
}

/** Network sysctls are written when the network namespace is made; the rest is the runtime's. */
function sysctlsOf(spec: ContainerSpec, hostnameIsOurs: boolean): { readonly sysctl?: Readonly<Record<string, string>> } {
  const domain = spec.domainname && hostnameIsOurs ? [['kernel.domainname', spec.domainname] as const] : [];
  const others = [...domain, ...Object.entries(spec.sysctls ?? {}).filter(([name]) => !name.startsWith('net.'))];
  return others.length > 0 ? { sysctl: Object.fromEntries(others) } : {};
}

/** Docker's network sysctls, below what the container asks for. */
export function networkSysctls(spec: Pick<ContainerSpec, 'sysctls'>): Readonly<Record<string, string>> {
  const own = Object.entries(spec.sysctls ?? {}).filter(([name]) => name.startsWith('net.'));
  return { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647', ...Object.fromEntries(own) };
}

function deviceRules(spec: ContainerSpec, devices: readonly LinuxDevice[]): NonNullable<LinuxResources['devices']> {
  if (spec.privileged) return [{ allow: true, access: 'rwm' }];
  const defaults = [
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [5, 0],
    [5, 1],
  ].map(([major, minor]) => ({
    allow: true,
    type: 'c',
    access: 'rwm',
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
  }));
  const permissions = new Map((spec.devices ?? []).map((device) => [device.containerPath, device.permissions]));
  const own = devices.map(({ path, type, major, minor }) => ({
    allow: true,
    type,
    access: permissions.get(path) || 'rwm',
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
  }));
  const asked = (spec.deviceRules ?? []).map(({ type, major, minor, access }) => ({
    allow: true,
    type,
    access,
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
  }));
  return [{ allow: false, access: 'rwm' }, ...defaults, ...own, ...asked];
}
