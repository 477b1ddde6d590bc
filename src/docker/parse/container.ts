import { checkConflicts } from './conflicts.ts';
import type { ContainerCreate, EndpointSettings, HealthcheckRequest, HostConfig } from '../../api/docker/container-create.ts';
import { refuseUnsupported } from '../../api/docker/unsupported.ts';
import type { HealthConfig } from '../../api/oci/image.ts';
import { KindError } from '../../base/errors.ts';
import type { ContainerSpec, DeviceRule, RestartPolicy } from '../../engine/containers/container.ts';
import type { EndpointSpec } from '../../engine/network/networks.ts';
import { requestAnnotation } from './annotation.ts';
import { parseLimits } from './limits.ts';
import { parseLogConfig } from './log-config.ts';
import { parseModes, parseSecurity } from './modes.ts';
import { parseMounts } from './mounts.ts';
import { parseExposed, parsePortBindings } from './ports.ts';

/** What a `docker run` asks for, in the engine's words. Throws `invalid` for whatever davit does not do. */
export function parseContainer(body: ContainerCreate, name: string | undefined): ContainerSpec {
  const host = body.HostConfig ?? {};
  refuseUnsupported(host);
  checkBasics(body, name);
  checkConflicts(body, host);
  const restart = parseRestart(host.RestartPolicy);
  if (host.AutoRemove && restart && restart.name !== 'no') {
    throw new KindError('invalid', `can't create 'AutoRemove' container with restart policy`);
  }
  return {
    name,
    ...parseProcess(body),
    ...parseNetwork(body, host),
    ...parseModes(host),
    ...parseSecurity(host),
    labels: body.Labels,
    exposedPorts: parseExposed(body.ExposedPorts),
    ports: parsePortBindings(host.PortBindings),
    publishAll: host.PublishAllPorts,
    mounts: parseMounts(host, Object.keys(body.Volumes ?? {})),
    devices: host.Devices?.map((device) => ({
      hostPath: device.PathOnHost ?? '',
      containerPath: device.PathInContainer || device.PathOnHost || '',
      permissions: device.CgroupPermissions || 'rwm',
    })),
    deviceRules: host.DeviceCgroupRules?.map(parseDeviceRule),
    autoRemove: host.AutoRemove,
    restart,
    limits: parseLimits(host),
    ulimits: host.Ulimits?.map((limit) => ({ name: limit.Name ?? '', soft: limit.Soft ?? 0, hard: limit.Hard ?? 0 })),
    sysctls: host.Sysctls,
    shmBytes: host.ShmSize || undefined,
    init: host.Init,
    ...parseLogConfig(host.LogConfig),
    cgroupParent: host.CgroupParent || undefined,
    runtimeAnnotations: host.Annotations,
    annotations: requestAnnotation(body),
  };
}

/** `c 1:3 mr`, as the kernel's `devices.allow` takes it. */
function parseDeviceRule(rule: string): DeviceRule {
  const [, type, major, minor, access] = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(rule) ?? [];
  if (!type || !access) throw new KindError('invalid', `invalid device cgroup rule format: '${rule}'`);
  const numberOf = (text: string | undefined): number | undefined => (text === '*' ? undefined : Number(text));
  return { type: type as DeviceRule['type'], major: numberOf(major), minor: numberOf(minor), access };
}

export function parseRestart(policy: HostConfig['RestartPolicy']): RestartPolicy | undefined {
  const name = policy?.Name || 'no';
  const maximumRetries = policy?.MaximumRetryCount ?? 0;
  if (name !== 'no' && name !== 'always' && name !== 'unless-stopped' && name !== 'on-failure') {
    throw new KindError(
      'invalid',
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (maximumRetries < 0) throw new KindError('invalid', `invalid restart policy: maximum retry count cannot be negative`);
  if (maximumRetries > 0 && name !== 'on-failure') {
    throw new KindError('invalid', `invalid restart policy: maximum retry count can only be used with 'on-failure'`);
  }
  return { name, maximumRetries };
}

function checkBasics(body: ContainerCreate, name: string | undefined): void {
  if (!body.Image) throw new KindError('invalid', 'no image specified: Config.Image cannot be empty');
  if (name !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw new KindError('invalid', `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  for (const entry of body.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw new KindError('invalid', `invalid environment variable: ${entry}`);
  }
  if (body.WorkingDir && !body.WorkingDir.startsWith('/')) {
    throw new KindError('invalid', `the working directory '${body.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  if ((body.StopTimeout ?? 0) < -1) throw new KindError('invalid', `invalid stop timeout: ${body.StopTimeout}`);
}

function parseProcess(body: ContainerCreate): Partial<ContainerSpec> & { readonly image: string } {
  return {
    image: body.Image ?? '',
    entrypoint: body.Entrypoint,
    command: body.Cmd,
    env: body.Env,
    user: body.User || undefined,
    groupAdd: body.HostConfig?.GroupAdd,
    workingDirectory: body.WorkingDir || undefined,
    hostname: body.Hostname || undefined,
    domainname: body.Domainname || undefined,
    tty: body.Tty,
    consoleSize: parseConsoleSize(body.HostConfig?.ConsoleSize),
    openStdin: body.OpenStdin,
    stdinOnce: body.StdinOnce,
    stopSignal: body.StopSignal || undefined,
    stopTimeoutSeconds: body.StopTimeout,
    healthcheck: parseHealthcheck(body.Healthcheck),
  };
}

/** [height, width]; [0, 0] from a client that has no terminal. */
export function parseConsoleSize(size: readonly number[] | undefined): ContainerSpec['consoleSize'] {
  const [height = 0, width = 0] = size ?? [];
  return height > 0 && width > 0 ? { height, width } : undefined;
}

const shortestNs = 1_000_000;

function parseHealthcheck(check: HealthcheckRequest | undefined): HealthConfig | undefined {
  if (check === undefined) return undefined;
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = check[field] ?? 0;
    if (value !== 0 && value < shortestNs) throw new KindError('invalid', `${field} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.Retries ?? 0) < 0) throw new KindError('invalid', 'Retries in Healthcheck cannot be negative');
  const kind = check.Test?.[0];
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw new KindError('invalid', `Unknown healthcheck type '${kind}' (expected 'CMD') in container healthcheck`);
  }
  return check;
}

function parseNetwork(body: ContainerCreate, host: HostConfig): Partial<ContainerSpec> {
  const network = body.NetworkDisabled ? 'none' : normalNetwork(host.NetworkMode ?? '');
  const given = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const endpoints = Object.fromEntries(given.map(([name, settings]) => [normalNetwork(name), parseEndpoint(settings)]));
  for (const name of ['bridge', 'host', 'none']) {
    if (endpoints[name]?.ipv4 || endpoints[name]?.ipv6)
      throw new KindError(
        'invalid',
        `invalid config for network ${name}: invalid endpoint settings:\nuser specified IP address is supported on user defined networks only`,
      );
  }
  const own = endpoints[network];
  const mac = own?.mac ?? (body.MacAddress || undefined);
  const links = [...(own?.links ?? []), ...(host.Links ?? [])];
  const needsOwn = own !== undefined || mac !== undefined || links.length > 0;
  return {
    network,
    endpoints: needsOwn ? { ...endpoints, [network]: { ...own, mac, links } } : endpoints,
    extraHosts: host.ExtraHosts,
    dns: { servers: host.Dns, search: host.DnsSearch, options: host.DnsOptions },
  };
}

/** `default` is what clients send when the user named no network. */
export function normalNetwork(name: string): string {
  return name === '' || name === 'default' ? 'bridge' : name;
}

export function parseEndpoint(settings: EndpointSettings): EndpointSpec {
  const [linkLocal] = settings.IPAMConfig?.LinkLocalIPs ?? [];
  if (linkLocal) throw new KindError('invalid', `LinkLocalIPs: link-local address ${linkLocal} is not supported by this engine`);
  const option = Object.keys(settings.DriverOpts ?? {}).find((name) => name.startsWith('com.docker.network.'));
  if (option) throw new KindError('invalid', `DriverOpts: endpoint option ${option} is not supported by this engine; leave it out`);
  return {
    aliases: settings.Aliases,
    ipv4: settings.IPAMConfig?.IPv4Address || undefined,
    ipv6: settings.IPAMConfig?.IPv6Address || undefined,
    mac: parseMac(settings.MacAddress),
    links: settings.Links,
    driverOptions: settings.DriverOpts,
    gatewayPriority: settings.GwPriority || undefined,
  };
}

/** dockerd's words for an address that is none; multicast and broadcast are none of one interface. */
function parseMac(given: string | undefined): string | undefined {
  if (!given) return undefined;
  const mac = given.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1)
    throw new KindError('invalid', `${given} is not a valid mac address`);
  return mac;
}
