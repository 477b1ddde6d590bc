import { KindError } from '../../base/errors.ts';

/** Options that davit does not have: the zero value is accepted (clients send whole structs), anything else is refused by name. */
type IsZero = (value: unknown) => boolean;

const zero: IsZero = (value) => value === 0;
const empty: IsZero = (value) => Array.isArray(value) && value.length === 0;
const emptyMap: IsZero = (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const oneOf =
  (...accepted: readonly unknown[]): IsZero =>
  (value) =>
    accepted.includes(value);

const hostConfig: Readonly<Record<string, IsZero>> = {
  KernelMemory: zero,
  KernelMemoryTCP: zero,
  CpuRealtimePeriod: zero,
  CpuRealtimeRuntime: zero,
  DeviceRequests: empty,
  CpuCount: zero,
  CpuPercent: zero,
  IOMaximumIOps: zero,
  IOMaximumBandwidth: zero,
  StorageOpt: emptyMap,
  UsernsMode: oneOf('', 'host'),
  Cgroup: oneOf(''),
  Isolation: oneOf('', 'default'),
  Runtime: oneOf('', 'runc', 'io.containerd.runc.v2'),
  VolumeDriver: oneOf('', 'local'),
};

export function refuseUnsupported(options: Readonly<Record<string, unknown>>): void {
  for (const [name, isZero] of Object.entries(hostConfig)) {
    const value = options[name];
    if (value === undefined || isZero(value)) continue;
    throw new KindError('invalid', `HostConfig.${name}: ${JSON.stringify(value)} is not supported by this engine; leave it out`);
  }
}
