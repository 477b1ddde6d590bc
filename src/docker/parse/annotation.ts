import type { ContainerCreate } from '../../api/docker/container-create.ts';

/** Parts of a create request that the engine has no use for and `inspect` gives back: kept as one opaque annotation. */
export interface RequestFacts {
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly ArgsEscaped?: boolean;
  readonly NetworkDisabled?: boolean;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
  readonly Volumes?: readonly string[];
  readonly Binds?: readonly string[];
  readonly Mounts?: readonly unknown[];
  readonly VolumesFrom?: readonly string[];
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly Links?: readonly string[];
  readonly LogOptions?: Readonly<Record<string, string>>;
  readonly SecurityOpt?: readonly string[];
  readonly ContainerIDFile?: string;
  readonly NetworkMode?: string;
  readonly VolumeDriver?: string;
  readonly UsernsMode?: string;
  readonly Runtime?: string;
  readonly Isolation?: string;
}

const key = 'davit.docker/request';

export function requestAnnotation(body: ContainerCreate): Readonly<Record<string, string>> {
  const host = body.HostConfig ?? {};
  const facts: RequestFacts = {
    AttachStdin: body.AttachStdin,
    AttachStdout: body.AttachStdout,
    AttachStderr: body.AttachStderr,
    ArgsEscaped: body.ArgsEscaped,
    NetworkDisabled: body.NetworkDisabled,
    OnBuild: body.OnBuild,
    Shell: body.Shell,
    Volumes: body.Volumes && Object.keys(body.Volumes),
    Binds: host.Binds,
    Mounts: host.Mounts,
    VolumesFrom: host.VolumesFrom,
    Tmpfs: host.Tmpfs,
    Links: host.Links,
    LogOptions: host.LogConfig?.Config,
    SecurityOpt: host.SecurityOpt,
    ContainerIDFile: host.ContainerIDFile,
    NetworkMode: host.NetworkMode,
    VolumeDriver: host.VolumeDriver,
    UsernsMode: host.UsernsMode,
    Runtime: host.Runtime,
    Isolation: host.Isolation,
  };
  return { [key]: JSON.stringify(facts) };
}

/** A record is replaced, never changed: what was parsed once holds as long as it does. */
const parsed = new WeakMap<Readonly<Record<string, string>>, RequestFacts>();

/** Undefined for containers that another front door made. */
export function requestFacts(annotations: Readonly<Record<string, string>> | undefined): RequestFacts | undefined {
  const stored = annotations?.[key];
  if (!annotations || stored === undefined) return undefined;
  const known = parsed.get(annotations) ?? (JSON.parse(stored) as RequestFacts);
  parsed.set(annotations, known);
  return known;
}
