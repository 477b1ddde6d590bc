import type { ContainerCreate, EndpointSettings, HostConfig, MountRequest } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';

/**
 * A create request as a client of an older API meant it: fields that came later are left out, or refused where leaving them
 * out would weaken what was asked for. https://github.com/moby/moby/blob/master/api/docs/CHANGELOG.md
 */
export function createAsOf(minor: number, body: ContainerCreate): ContainerCreate {
  const host = body.HostConfig ?? {};
  if (minor < 44) refuseLater(body, host);
  if (minor < 45 && host.Mounts?.some(({ VolumeOptions }) => VolumeOptions?.Subpath))
    throw new KindError('invalid', 'VolumeOptions.Subpath needs API v1.45 or newer');
  return {
    ...body,
    ...(minor < 44 && body.Healthcheck && { Healthcheck: { ...body.Healthcheck, StartInterval: undefined } }),
    HostConfig: {
      ...host,
      ...(minor < 42 && { ConsoleSize: undefined }),
      ...(minor < 43 && { Annotations: undefined }),
      ...(host.Mounts && { Mounts: host.Mounts.map((mount) => mountAsOf(minor, mount)) }),
    },
    ...(minor < 44 && body.NetworkingConfig && { NetworkingConfig: { EndpointsConfig: withoutMacs(body) } }),
  };
}

function refuseLater({ NetworkingConfig: networking }: ContainerCreate, host: HostConfig): void {
  if (host.Mounts?.some(({ Type, BindOptions }) => Type === 'bind' && BindOptions?.ReadOnlyForceRecursive))
    throw new KindError('invalid', 'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
  const networks = Object.keys(networking?.EndpointsConfig ?? {});
  if (networks.length > 1)
    throw new KindError('invalid', `Container cannot be created with multiple network endpoints: ${networks.join(', ')}`);
}

/** Until API 1.44 the one address was in Config. */
function withoutMacs({ NetworkingConfig: networking }: ContainerCreate): Readonly<Record<string, EndpointSettings>> {
  const endpoints = Object.entries(networking?.EndpointsConfig ?? {});
  return Object.fromEntries(endpoints.map(([name, settings]) => [name, { ...settings, MacAddress: undefined }]));
}

function mountAsOf(minor: number, mount: MountRequest): MountRequest {
  const { Type: type, BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs } = mount;
  const isOld = minor < 42;
  const kept: MountRequest = {
    ...mount,
    BindOptions: bind && isOld ? { ...bind, CreateMountpoint: undefined } : bind,
    VolumeOptions: isOld && type !== 'volume' ? undefined : volume,
    TmpfsOptions: isOld && type !== 'tmpfs' ? undefined : tmpfs,
  };
  if (minor >= 44 || type !== 'bind' || !mount.ReadOnly) return kept;
  // Read-only reached only the mount itself then.
  return { ...kept, BindOptions: { ...kept.BindOptions, ReadOnlyNonRecursive: true } };
}

/** The container-wide address goes to the endpoint of its network; since API 1.44 with a warning. */
export function macWarnings(minor: number, body: ContainerCreate): readonly string[] {
  if (!body.MacAddress || minor < 44) return [];
  const own = body.NetworkingConfig?.EndpointsConfig?.[body.HostConfig?.NetworkMode ?? 'default']?.MacAddress;
  if (own && own !== body.MacAddress) {
    throw new KindError(
      'invalid',
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  }
  return ['The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.'];
}
