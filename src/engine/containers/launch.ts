import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LinuxDevice } from '../../api/oci/runtime.ts';
import { KindError, messageOf, wrap } from '../../base/errors.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { EngineConfig } from '../engine.ts';
import type { HostFacts } from '../host-facts.ts';
import type { EmbeddedDns } from '../network/embedded-dns.ts';
import { addressOf } from '../network/cidr.ts';
import { gatewayOf } from '../network/network-record.ts';
import type { NetworkRoom } from '../network/open-networks.ts';
import type { Endpoint, PublishedBinding } from '../network/networks.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { checkPropagation } from './check-propagation.ts';
import { hostDevices, initProgram } from './devices.ts';
import { parseResolvConf, renderHosts, renderResolvConf, resolvConfFor } from './host-files.ts';
import { noteMissing, removeMountPoints } from './mount-points.ts';
import { pathsOf, type ContainerPaths } from './paths.ts';
import { linkEnvironment } from './link-environment.ts';
import { checkLinks, linkedBy, linkLine, runningLinks } from './links.ts';
import { networksOf, wantedPorts } from './plan-container.ts';
import { bindSubpaths, makeShm, releasePrivateMounts } from './private-mounts.ts';
import type { ContainerRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { isPopulated, populateVolume, userInside } from './rootfs-files.ts';
import { defaultShmBytes, networkSysctls, renderSpec, type SpecHost } from './runtime-spec.ts';
import type { ResolvedUser } from './user.ts';

/** What a container may join of a pod sandbox. */
export interface SandboxParts {
  /** Undefined on the host network. */
  readonly netnsPath: string | undefined;
  readonly ipcPath: string;
  readonly utsPath: string | undefined;
  /** Undefined: each container has its own. */
  readonly pidPath: string | undefined;
  readonly shmPath: string;
  readonly hostname: string;
  readonly etcFiles: Readonly<Record<string, string>>;
}

export interface LaunchParts {
  readonly kernel: Kernel;
  readonly config: EngineConfig;
  readonly host: HostFacts;
  readonly snapshots: Snapshots;
  readonly network: NetworkRoom;
  readonly dns: EmbeddedDns;
  readonly registry: Registry;
  readonly sandbox: (id: string) => SandboxParts;
  readonly volumes: Volumes;
  /** `80/tcp` */
  readonly exposedByImage: (record: ContainerRecord) => Promise<readonly string[]>;
}

export interface Launched {
  readonly pid: number;
  readonly pidStartTime: number | undefined;
  readonly netnsPath: string | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PublishedBinding[];
  readonly logPath: string | undefined;
  readonly startedAt: Date;
}

interface NetworkSide {
  /** As SpecInput wants it. */
  readonly join: string;
  readonly netnsPath: string | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PublishedBinding[];
  readonly etcFiles: Readonly<Record<string, string>>;
}

/**
 * From a record to a running process. `beforeStart` runs when the streams exist and the program does not run yet.
 * A failure takes everything away again: namespace, links, rules, mount, folder.
 */
export async function launch(parts: LaunchParts, record: ContainerRecord, beforeStart: () => Promise<void>): Promise<Launched> {
  const { kernel, config } = parts;
  const paths = pathsOf(config, record.id);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => teardown(parts, record));
  checkLinks(parts.registry, record);
  kernel.cgroups.expectEntry();
  if (!record.spec.sandbox)
    checkPropagation(
      record.mounts,
      () => kernel.mounts.list(),
      (path) => realpathSync(path),
    );
  mkdirSync(paths.rootfs, { recursive: true });
  mkdirSync(paths.data, { recursive: true });
  const [network, user] = await bothOf(prepareNetwork(parts, record, paths), prepareRoot(parts, record, paths));
  const env = await environmentOf(parts, record);
  const bound = { ...record, env, mounts: bindSubpaths(kernel.mounts, record, paths) };
  const spec = renderSpec(specInput(parts, bound, paths, network, user), specHost(parts));
  writeFileSync(join(paths.bundle, 'config.json'), JSON.stringify(spec));
  const logPath = record.spec.logDriver === 'none' ? undefined : (record.spec.logPath ?? paths.log);
  const { pid } = await kernel.runtime
    .create({
      id: record.id,
      bundle: paths.bundle,
      directory: paths.supervision,
      ...(logPath && { logPath }),
      terminal: record.spec.tty ?? false,
      stdin: record.spec.openStdin ?? false,
      stdinOnce: record.spec.stdinOnce ?? false,
    })
    .catch((error: unknown) => {
      throw runtimeFailure(error);
    });
  await beforeStart();
  await parts.network.fabric.settled(network.endpoints);
  // Before its first output: `logs --since` this time shows all of this run.
  const startedAt = new Date();
  await kernel.runtime.start(record.id).catch((error: unknown) => {
    throw runtimeFailure(error);
  });
  undo.move();
  return {
    pid,
    pidStartTime: kernel.processes.startTime(pid),
    netnsPath: network.netnsPath,
    endpoints: network.endpoints,
    ports: network.ports,
    logPath,
    startedAt,
  };
}

/** Takes away all that belongs to one run; harmless when repeated. Never canceled. */
export async function teardown(parts: LaunchParts, record: ContainerRecord): Promise<void> {
  await Promise.all([parts.kernel.runtime.delete(record.id, { force: true }), parts.network.fabric.detach(record.id)]);
  await release(parts, record);
}

/** Mount and namespace of a run whose processes are gone. */
export async function release(parts: Pick<LaunchParts, 'kernel' | 'config' | 'volumes'>, record: ContainerRecord): Promise<void> {
  const { kernel, config } = parts;
  const paths = pathsOf(config, record.id);
  if (existsSync(paths.rootfs)) removeMountPoints(paths.bundle, paths.rootfs);
  await kernel.mounts.unmountWritten(paths.rootfs);
  kernel.namespaces.remove(paths.netns);
  releasePrivateMounts(kernel.mounts, paths);
  for (const { name } of record.mounts) if (name) parts.volumes.unmount(name, record.id);
}

/** Waits for both even if one fails, so that undoing meets nothing that is still being made. */
async function bothOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

async function prepareRoot(
  { kernel, snapshots, volumes }: LaunchParts,
  record: ContainerRecord,
  paths: ContainerPaths,
): Promise<ResolvedUser> {
  kernel.mounts.mount(snapshots.mount(record.id, paths.rootfs));
  if (record.isBuildStep && record.mounts.length > 0)
    noteMissing(
      paths.bundle,
      paths.rootfs,
      record.mounts.map(({ target }) => target),
    );
  for (const { name } of record.mounts) if (name) volumes.mount(name, record.id);
  for (const mount of record.mounts) if (isPopulated(record.spec, mount)) await populateVolume(kernel, paths.rootfs, mount);
  return userInside(paths.rootfs, record.user, record.spec.groupAdd ?? []);
}

async function prepareNetwork(parts: LaunchParts, record: ContainerRecord, paths: ContainerPaths): Promise<NetworkSide> {
  const { spec } = record;
  const none = { netnsPath: undefined, endpoints: [], ports: [] };
  if (spec.sandbox) {
    const sandbox = parts.sandbox(spec.sandbox);
    return { ...none, join: sandbox.netnsPath ?? 'host', etcFiles: sandbox.etcFiles };
  }
  if (spec.network?.startsWith('container:')) return { ...none, ...joinContainer(parts, spec.network.slice('container:'.length)) };
  if (spec.network === 'host') return { ...none, join: 'host', etcFiles: writeEtc(parts, record, paths, []) };
  parts.kernel.namespaces.create({ net: paths.netns }, { sysctls: { 'net.ipv6.conf.default.disable_ipv6': '1', ...networkSysctls(spec) } });
  const attached = await attachAll(parts, record, paths.netns);
  return { join: paths.netns, netnsPath: paths.netns, ...attached, etcFiles: writeEtc(parts, record, paths, attached.endpoints) };
}

async function attachAll(
  parts: LaunchParts,
  record: ContainerRecord,
  netnsPath: string,
): Promise<Pick<NetworkSide, 'endpoints' | 'ports'>> {
  const { network: room } = parts;
  const owner = { id: record.id, name: record.name, netnsPath, isNew: true } as const;
  const networks = networksOf(record.spec).map((name) => ({ name, network: room.find(name) }));
  const given = record.spec.endpoints ?? {};
  const endpoints = networks.map(({ name, network }) =>
    room.fabric.attach(owner, network, given[name] ?? given[network.id] ?? (name === 'bridge' ? given['default'] : undefined) ?? {}),
  );
  if (endpoints.length === 0) return { endpoints, ports: [] };
  const embedded = networks.find(({ network }) => !network.predefined);
  const wanted = wantedPorts(record.spec, record.spec.publishAll ? await parts.exposedByImage(record) : []);
  const [ports] = await Promise.all([room.fabric.publish(owner, wanted), embedded && parts.dns.serve(owner)]);
  return { endpoints, ports };
}

function joinContainer({ registry, config }: LaunchParts, reference: string): Pick<NetworkSide, 'join' | 'etcFiles'> {
  const other = registry.find(reference);
  if (other.pid === undefined) throw new KindError('conflict', `cannot join network of a non running container: ${other.id}`);
  const { bundle } = pathsOf(config, other.id);
  return {
    join: other.netnsPath ?? `/proc/${other.pid}/ns/net`,
    etcFiles: Object.fromEntries(['hosts', 'hostname', 'resolv.conf'].map((name) => [name, join(bundle, name)])),
  };
}

/** Writes /etc/hosts, hostname and resolv.conf of this container into its bundle. */
export function writeEtc(
  parts: Pick<LaunchParts, 'host' | 'network' | 'config' | 'registry'>,
  record: ContainerRecord,
  paths: ContainerPaths,
  endpoints: readonly Endpoint[],
): Readonly<Record<string, string>> {
  const { spec } = record;
  const onHost = spec.network === 'host';
  const embedded = endpoints.some(({ networkId }) => !parts.network.find(networkId).predefined);
  const resolv = resolvConfFor(spec.dns ?? {}, parseResolvConf(parts.host.resolvConf()), { embedded, hostNetwork: onHost });
  const name = onHost && !spec.hostname ? hostname() : record.hostname;
  const hosts = renderHosts({
    hostname: name,
    domainname: spec.domainname,
    addresses: endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].flatMap((cidr) => (cidr ? [addressOf(cidr)] : []))),
    extra: spec.extraHosts ?? [],
    hostGateway: gatewayOf(parts.network.find('bridge'), 4),
    lines: runningLinks(parts.registry, record).map(linkLine),
  });
  const texts = { hosts, hostname: `${name}\n`, 'resolv.conf': renderResolvConf(resolv) };
  return Object.fromEntries(
    Object.entries(texts).map(([file, text]) => {
      const path = join(paths.bundle, file);
      writeFileSync(path, text);
      return [file, path];
    }),
  );
}

/** A container that was started again may have another address: those that are linked to it learn it. */
export function nameAnew(parts: Parameters<typeof writeEtc>[0], record: ContainerRecord): void {
  for (const each of linkedBy(parts.registry, record)) writeEtc(parts, each, pathsOf(parts.config, each.id), each.endpoints);
}

/** The container's own, after what its links tell of others. */
export async function environmentOf(
  parts: Pick<LaunchParts, 'registry' | 'exposedByImage'>,
  record: ContainerRecord,
): Promise<readonly string[]> {
  const told = runningLinks(parts.registry, record).map(async (link) => {
    const { ports = [], exposedPorts = [] } = link.other.spec;
    const published = ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`);
    return linkEnvironment(link, record.name, [...(await parts.exposedByImage(link.other)), ...exposedPorts, ...published]);
  });
  return [...(await Promise.all(told)).flat(), ...record.env];
}

function specInput(
  parts: LaunchParts,
  record: ContainerRecord,
  paths: ContainerPaths,
  network: NetworkSide,
  user: ResolvedUser,
): Parameters<typeof renderSpec>[0] {
  const { spec } = record;
  const sandbox = spec.sandbox ? parts.sandbox(spec.sandbox) : undefined;
  const uts = sandbox
    ? (sandbox.utsPath ?? 'host')
    : spec.utsMode === 'host' || (spec.network === 'host' && !spec.hostname)
      ? 'host'
      : undefined;
  return {
    container: record,
    user,
    rootfs: paths.rootfs,
    cgroupsPath: cgroupOf(parts.config, record),
    namespaces: {
      network: network.join,
      ...(uts && { uts }),
      ...namespaceOf(parts.registry, 'ipc', spec.ipcMode, sandbox?.ipcPath),
      ...namespaceOf(parts.registry, 'pid', spec.pidMode, sandbox?.pidPath),
    },
    etcFiles: network.etcFiles,
    shmPath: sandbox?.shmPath ?? shmPathOf(parts, record, paths),
    devices: devicesOf(record),
    initPath: spec.init ? initProgram() : undefined,
  };
}

/** Another's /dev/shm comes with its IPC namespace, if it lets others in. */
function shmPathOf({ kernel, registry, config }: LaunchParts, { spec }: ContainerRecord, paths: ContainerPaths): string | undefined {
  const { ipcMode = 'private' } = spec;
  if (ipcMode === 'host') return '/dev/shm';
  if (ipcMode === 'shareable') return makeShm(kernel.mounts, paths, spec.shmBytes ?? defaultShmBytes);
  if (!ipcMode.startsWith('container:')) return undefined;
  const other = registry.find(ipcMode.slice('container:'.length));
  if (other.spec.ipcMode === 'host') return '/dev/shm';
  if (other.spec.ipcMode !== 'shareable')
    throw new KindError(
      'invalid',
      `can't join IPC of container ${other.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  return join(pathsOf(config, other.id).binds, 'shm');
}

function namespaceOf(
  registry: Registry,
  kind: 'ipc' | 'pid',
  mode: string | undefined,
  fallback: string | undefined,
): Readonly<Record<string, string>> {
  if (mode === 'host') return { [kind]: 'host' };
  if (mode?.startsWith('container:')) {
    const other = registry.find(mode.slice('container:'.length));
    if (other.pid === undefined) throw new KindError('conflict', `container ${other.id} is not running`);
    return { [kind]: `/proc/${other.pid}/ns/${kind}` };
  }
  return fallback ? { [kind]: fallback } : {};
}

function devicesOf(record: ContainerRecord): readonly LinuxDevice[] {
  const { privileged, devices = [] } = record.spec;
  const asked = devices.flatMap(({ hostPath, containerPath }) => {
    if (!statSync(hostPath, { throwIfNoEntry: false }))
      throw new KindError(
        'invalid',
        `error gathering device information while adding custom device "${hostPath}": no such file or directory`,
      );
    return hostDevices(hostPath, containerPath);
  });
  return privileged ? [...hostDevices('/dev', '/dev'), ...asked] : asked;
}

export function cgroupOf(config: EngineConfig, record: Pick<ContainerRecord, 'id' | 'spec'>): string {
  return `${record.spec.cgroupParent || config.cgroupParent}/${record.id}`;
}

export function specHost({ kernel, host }: Pick<LaunchParts, 'kernel' | 'host'>): SpecHost {
  return {
    arch: host.arch,
    kernelRelease: host.kernelRelease,
    boundingCapabilities: host.boundingCapabilities,
    cgroupVersion: kernel.cgroups.version,
  };
}

/** dockerd's words around the runtime's, since clients look into them for their exit code (127, 126). */
function runtimeFailure(error: unknown): KindError {
  const text = messageOf(error);
  const isCommand = /executable file not found|no such file or directory|permission denied|is a directory/i.test(text);
  const doing = 'failed to create task for container: failed to create shim task';
  return isCommand ? new KindError('invalid', `${doing}: ${text}: unknown`, { cause: error }) : wrap(error, doing);
}
