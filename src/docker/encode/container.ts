import type { MountRequest } from '../../api/docker/container-create.ts';
import { never, seconds, timeText } from '../../api/docker/time.ts';
import type { ImageConfig } from '../../api/oci/image.ts';
import type { Container, ContainerState, ResolvedMount } from '../../engine/containers/container.ts';
import type { ContainerPlaces } from '../../engine/containers/containers.ts';
import { stateOf } from '../../engine/containers/state.ts';
import { requestFacts } from '../parse/annotation.ts';
import { statusText } from './duration.ts';
import { annotationsOf, hostConfig, networkModeOf } from './host-config.ts';
import { networks, networkSettings } from './network-settings.ts';
import { portSummaries } from './ports.ts';

/** Facts that a container's answer needs from elsewhere. */
export interface Surroundings {
  /** Undefined when the image was removed by force. */
  readonly image: ImageConfig | undefined;
  /** In lists: the name it was created by means another image by now. */
  readonly isNameMoved?: boolean;
  /** Where its parts lie, in a full inspect. */
  readonly places?: ContainerPlaces;
  /** Bytes, when asked for. */
  readonly size?: { readonly writable: number; readonly root: number };
}

/** `GET /containers/{id}/json`. */
export function containerInspect(container: Container, { image, size, places }: Surroundings) {
  const exposed = exposedPorts(container, image);
  const etc = (name: string): string => (places?.etc === undefined ? '' : `${places.etc}/${name}`);
  return {
    Id: container.id,
    Created: container.createdAt.toISOString(),
    Path: container.path,
    Args: container.args,
    State: containerState(container),
    Image: container.imageId,
    ResolvConfPath: etc('resolv.conf'),
    HostnamePath: etc('hostname'),
    HostsPath: etc('hosts'),
    LogPath: container.logPath ?? '',
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.length > 0 ? container.execIds : null,
    HostConfig: hostConfig(container),
    GraphDriver: { Name: 'overlay2', Data: places ? layerPlaces(places.root) : {} },
    ...(size ? { SizeRw: size.writable, SizeRootFs: size.root } : {}),
    Mounts: mountPoints(container),
    Config: containerConfig(container, image, exposed),
    NetworkSettings: { ...networkSettings(container, exposed), SandboxKey: places?.netns ?? '' },
  };
}

function layerPlaces({ options, target }: ContainerPlaces['root']): Readonly<Record<string, string>> {
  const of = (name: string): string => options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return { LowerDir: of('lowerdir'), MergedDir: target, UpperDir: of('upperdir'), WorkDir: of('workdir') };
}

export function containerState(container: Container) {
  const state = stateOf(container);
  const { health } = container;
  return {
    Status: state,
    Running: ['running', 'paused', 'restarting'].includes(state),
    Paused: state === 'paused',
    Restarting: state === 'restarting',
    OOMKilled: container.oomKilled,
    Dead: state === 'dead',
    Pid: container.pid ?? 0,
    ExitCode: state === 'running' ? 0 : (container.exitCode ?? 0),
    Error: container.error ?? '',
    StartedAt: timeText(container.startedAt),
    FinishedAt: container.finishedAt ? timeText(container.finishedAt) : never,
    ...(health
      ? {
          Health: {
            Status: health.status,
            FailingStreak: health.failingStreak,
            Log: health.log.map((probe) => ({
              Start: probe.start.toISOString(),
              End: probe.end.toISOString(),
              ExitCode: probe.exitCode,
              Output: probe.output,
            })),
          },
        }
      : {}),
  };
}

/** The image's configuration with the container's own over it. */
function containerConfig(container: Container, image: ImageConfig | undefined, exposed: readonly string[]) {
  const { spec } = container;
  const facts = requestFacts(spec.annotations);
  const base = image?.config ?? {};
  const volumes = [...Object.keys(base.Volumes ?? {}), ...(facts?.Volumes ?? [])];
  const healthcheck = spec.healthcheck ?? base.Healthcheck;
  const stopTimeout = spec.stopTimeoutSeconds;
  const shell = facts?.Shell?.length ? facts.Shell : base.Shell;
  return {
    Hostname: container.hostname,
    Domainname: spec.domainname ?? '',
    User: container.user,
    AttachStdin: facts?.AttachStdin ?? false,
    AttachStdout: facts?.AttachStdout ?? false,
    AttachStderr: facts?.AttachStderr ?? false,
    ...(exposed.length > 0 ? { ExposedPorts: emptyObjects(exposed) } : {}),
    Tty: spec.tty ?? false,
    OpenStdin: spec.openStdin ?? false,
    StdinOnce: spec.stdinOnce ?? false,
    Env: container.env,
    Cmd: commandOf(container, image),
    ...(healthcheck ? { Healthcheck: healthcheck } : {}),
    Image: spec.image,
    Volumes: volumes.length > 0 ? emptyObjects(volumes) : null,
    WorkingDir: container.workingDirectory === '/' && !spec.workingDirectory && !base.WorkingDir ? '' : container.workingDirectory,
    Entrypoint: spec.entrypoint ?? base.Entrypoint ?? null,
    ...(facts?.ArgsEscaped ? { ArgsEscaped: true } : {}),
    ...(facts?.NetworkDisabled ? { NetworkDisabled: true } : {}),
    OnBuild: facts?.OnBuild ?? null,
    Labels: container.labels,
    ...(spec.stopSignal || base.StopSignal ? { StopSignal: container.stopSignal } : {}),
    ...(stopTimeout === undefined ? {} : { StopTimeout: stopTimeout }),
    ...(shell ? { Shell: shell } : {}),
  };
}

/** An own entrypoint discards the image's command. */
function commandOf(container: Container, image: ImageConfig | undefined): readonly string[] | null {
  const { command, entrypoint } = container.spec;
  if (command?.length) return command;
  return entrypoint?.length ? null : (image?.config.Cmd ?? null);
}

export function exposedPorts(container: Container, image: ImageConfig | undefined): readonly string[] {
  const published = (container.spec.ports ?? []).map((port) => `${port.containerPort}/${port.protocol}`);
  const ofImage = Object.keys(image?.config.ExposedPorts ?? {});
  return [...new Set([...ofImage, ...(container.spec.exposedPorts ?? []), ...published])].map((key) =>
    key.includes('/') ? key : `${key}/tcp`,
  );
}

/** What `--tmpfs` asked for is told in HostConfig.Tmpfs alone. */
function mountPoints(container: Container) {
  const facts = requestFacts(container.spec.annotations);
  const named = (facts?.Mounts as readonly MountRequest[] | undefined)?.map(({ Target = '' }) => [Target, ''] as const) ?? [];
  const bound = facts?.Binds?.map((bind) => bind.split(':')).map(([, target = '', mode = '']) => [target, mode] as const) ?? [];
  const modes = new Map([...named, ...bound]);
  return container.mounts
    .filter(({ target, type }) => type !== 'tmpfs' || facts?.Tmpfs?.[target] === undefined)
    .map((mount) => mountPoint(mount, modes.get(mount.target)));
}

/** `asked`: the third part of `-v`, as it was given; undefined for what nobody named (inherited, anonymous). */
function mountPoint(mount: ResolvedMount, asked: string | undefined) {
  return {
    Type: mount.type,
    ...(mount.type === 'volume' ? { Name: mount.name ?? '' } : {}),
    Source: mount.type === 'tmpfs' ? '' : mount.source,
    Destination: mount.target,
    ...(mount.type === 'volume' ? { Driver: 'local' } : {}),
    Mode: asked || (mount.type === 'volume' && asked !== undefined ? 'z' : ''),
    RW: !mount.readOnly,
    Propagation: mount.type === 'bind' ? mount.propagation : '',
  };
}

function emptyObjects(keys: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** One row of `GET /containers/json`. */
export function containerSummary(container: Container, { image, isNameMoved, size }: Surroundings, now: Date) {
  const exposed = exposedPorts(container, image);
  const state: ContainerState = stateOf(container);
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: isNameMoved ? container.imageId : container.spec.image,
    ImageID: container.imageId,
    Command: [container.path, ...container.args].map(quoted).join(' '),
    Created: seconds(container.createdAt),
    Ports: state === 'running' || state === 'paused' ? portSummaries(exposed, container.ports) : [],
    Labels: container.labels,
    State: state,
    Status: statusText(container, now),
    HostConfig: { NetworkMode: networkModeOf(container), ...annotationsOf(container) },
    NetworkSettings: { Networks: networks(container) },
    Mounts: mountPoints(container),
    ...(size ? { SizeRw: size.writable, SizeRootFs: size.root } : {}),
  };
}

function quoted(argument: string): string {
  return /\s/.test(argument) ? `'${argument}'` : argument;
}
