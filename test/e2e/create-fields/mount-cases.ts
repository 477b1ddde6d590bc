import { donor, folder, type CreateCase } from './case.ts';

const mount = (title: string, given: object, more: Omit<CreateCase, 'title' | 'host'>): CreateCase => ({
  title,
  host: { Mounts: [given] },
  ...more,
});

/** What is mounted. */
export const mountCases: readonly CreateCase[] = [
  {
    title: '-v',
    host: { Binds: [`${folder}:/b:ro`, 'fields-vol:/c'] },
    inside: ['ls /b; touch /b/x 2>/dev/null; echo $?; touch /c/x; echo $?', 'f\n1\n0'],
  },
  { title: 'volumes of another', host: { VolumesFrom: [`${donor}:ro`] }, inside: ['ls /v; touch /v/y 2>/dev/null; echo $?', 'part\nx\n1'] },
  { title: 'the volume driver', host: { VolumeDriver: 'local', Binds: ['fields-driver:/c'] }, isOnlyCreated: true },
  {
    title: 'another volume driver is refused',
    host: { VolumeDriver: 'nfs', Binds: ['x1:/c'] },
    refused: /HostConfig\.VolumeDriver: "nfs" is not supported/,
  },
  {
    title: '--tmpfs',
    host: { Tmpfs: { '/t': 'size=1m,mode=700' } },
    inside: ["grep ' /t ' /proc/mounts | grep -c 'size=1024k,mode=700'", '1'],
  },
  mount(
    'a bind mount with propagation, created when it is missing, consistent',
    {
      Type: 'bind',
      Source: `${folder}/new`,
      Target: '/b',
      ReadOnly: true,
      Consistency: 'cached',
      BindOptions: { Propagation: 'rslave', CreateMountpoint: true, ReadOnlyForceRecursive: true },
    },
    {
      runtime: {
        linux: { rootfsPropagation: 'slave' },
        mounts: [{ destination: '/b', source: `${folder}/new`, options: ['rbind', 'ro', 'rro', 'rslave'] }],
      },
    },
  ),
  mount(
    'a bind mount without what is below',
    { Type: 'bind', Source: folder, Target: '/b', ReadOnly: true, BindOptions: { NonRecursive: true, ReadOnlyNonRecursive: true } },
    { runtime: { mounts: [{ destination: '/b', source: folder, options: ['bind', 'ro', 'rprivate'] }] } },
  ),
  mount(
    'a volume with labels and options of its driver',
    {
      Type: 'volume',
      Source: 'fields-made',
      Target: '/v',
      VolumeOptions: {
        NoCopy: true,
        Labels: { a: 'b' },
        DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o: 'size=2m' } },
      },
    },
    { inside: ["grep ' /v ' /proc/mounts | grep -c size=2048k", '1'] },
  ),
  mount(
    'a part of a volume',
    { Type: 'volume', Source: 'fields-donor', Target: '/v', VolumeOptions: { Subpath: 'part' } },
    { inside: ['ls /v', 'inner'] },
  ),
  mount(
    'a tmpfs',
    { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o750, Options: [['exec']] } },
    { inside: ["grep ' /t ' /proc/mounts | grep -v noexec | grep -c 'size=1024k,mode=750'", '1'] },
  ),
  mount(
    'an image mount is refused',
    { Type: 'image', Source: 'busybox:test', Target: '/i', ImageOptions: { Subpath: 'bin' } },
    {
      refused: /invalid mount config for type "image": image mounts are not supported by this engine/,
    },
  ),
  mount(
    'options of another type of mount are refused',
    { Type: 'volume', Target: '/v', BindOptions: { NonRecursive: true } },
    {
      refused: /BindOptions must not be specified on mount type "volume"/,
    },
  ),
];
