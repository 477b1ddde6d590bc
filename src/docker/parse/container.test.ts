import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerCreate } from '../../api/docker/container-create.ts';
import type { ContainerSpec } from '../../engine/containers/container.ts';
import { parseContainer } from './container.ts';
import { requestFacts } from './annotation.ts';

/** As docker CLI 28 sends it for `docker run busybox`. */
const plain = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: 'busybox',
  Volumes: {},
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};
const plainHost = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: '', Config: {} },
  NetworkMode: 'default',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: '',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: '',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 0,
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: -1,
  OomKillDisable: false,
  PidsLimit: 0,
  Ulimits: [],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

function parse(config: object, host: object, networking: object = {}): ContainerSpec {
  const body = { ...plain, ...config, HostConfig: { ...plainHost, ...host }, NetworkingConfig: networking };
  return parseContainer(containerCreate(body, ''), undefined);
}

test('what the client sends for a plain run asks for nothing special', () => {
  const spec = parse({}, {}, { EndpointsConfig: { default: {} } });
  assert.equal(spec.network, 'bridge');
  assert.deepEqual(Object.keys(spec.endpoints ?? {}), ['bridge']);
  assert.deepEqual(spec.limits, Object.fromEntries(Object.keys(spec.limits ?? {}).map((name) => [name, undefined])));
  assert.deepEqual([spec.ports, spec.mounts, spec.restart], [[], [], { name: 'no', maximumRetries: 0 }]);
  assert.equal(requestFacts(spec.annotations)?.AttachStdout, true);
});

const readings: readonly (readonly [title: string, config: object, host: object, expected: Partial<ContainerSpec>])[] = [
  ['a command in one string', { Cmd: 'true' }, {}, { command: ['true'] }],
  ['an emptied entrypoint', { Entrypoint: [''] }, {}, { entrypoint: [''] }],
  ['stdin', { OpenStdin: true, StdinOnce: true, Tty: true }, {}, { openStdin: true, stdinOnce: true, tty: true }],
  [
    'published ports',
    {},
    { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }], '53/udp': [{ HostPort: '' }] } },
    {
      ports: [
        { containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080 },
        { containerPort: 53, protocol: 'udp', hostIp: undefined, hostPort: undefined },
      ],
    },
  ],
  ['a range of exposed ports', { ExposedPorts: { '80-82/tcp': {} } }, {}, { exposedPorts: ['80/tcp', '81/tcp', '82/tcp'] }],
  [
    'capabilities without prefix',
    {},
    { CapAdd: ['net_admin', 'ALL'], CapDrop: ['CAP_CHOWN'] },
    { capAdd: ['CAP_NET_ADMIN', 'ALL'], capDrop: ['CAP_CHOWN'] },
  ],
  [
    'security options',
    {},
    { SecurityOpt: ['no-new-privileges', 'seccomp=unconfined', 'apparmor=unconfined'] },
    { noNewPrivileges: true, seccomp: 'unconfined' },
  ],
  [
    'a seccomp profile',
    {},
    { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] },
    { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
  ],
  ['no network', { NetworkDisabled: true }, {}, { network: 'none' }],
  ['the log driver', {}, { LogConfig: { Type: 'none' } }, { logDriver: 'none', logLimits: undefined }],
  ['log rotation', {}, { LogConfig: { Type: '', Config: { 'max-size': '1m' } } }, { logLimits: { maxBytes: 1_000_000, maxFiles: 3 } }],
  ['paths that are not hidden', {}, { MaskedPaths: [], ReadonlyPaths: [] }, { maskedPaths: [], readonlyPaths: [] }],
  [
    'device rules',
    {},
    { DeviceCgroupRules: ['c 1:3 mr', 'a *:* rwm'] },
    {
      deviceRules: [
        { type: 'c', major: 1, minor: 3, access: 'mr' },
        { type: 'a', major: undefined, minor: undefined, access: 'rwm' },
      ],
    },
  ],
  [
    'mounts',
    { Volumes: { '/anonymous': {}, '/in': {} } },
    {
      Binds: ['/host/../src/:/in:ro,z', 'data:/data:nocopy', '/only'],
      Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'rslave' } }],
      Tmpfs: { '/run': 'size=1m,noexec' },
    },
    {
      mounts: [
        { type: 'bind', source: '/src/', target: '/in', readOnly: true, propagation: undefined, createSource: true },
        { type: 'volume', source: 'data', target: '/data', readOnly: false, noCopy: true },
        { type: 'volume', target: '/only', readOnly: false },
        { type: 'bind', source: '/a', target: '/b', readOnly: false, propagation: 'rslave', createSource: undefined },
        { type: 'tmpfs', target: '/run', options: ['size=1m', 'noexec'] },
        { type: 'volume', target: '/anonymous', readOnly: false },
      ],
    },
  ],
];

for (const [title, config, host, expected] of readings) {
  test(`reads ${title}`, () => {
    const spec = parse(config, host);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(spec[name as keyof ContainerSpec], value, name);
  });
}

test('a MAC address and links belong to the endpoint of the chosen network', () => {
  const spec = parse(
    { MacAddress: '02:00:00:00:00:01' },
    { NetworkMode: 'net1', Links: ['db:database'] },
    { EndpointsConfig: { net1: { Aliases: ['x'] } } },
  );
  assert.deepEqual(spec.endpoints?.['net1'], {
    aliases: ['x'],
    ipv4: undefined,
    ipv6: undefined,
    mac: '02:00:00:00:00:01',
    links: ['db:database'],
    driverOptions: undefined,
    gatewayPriority: undefined,
  });
});

const refusals: readonly (readonly [config: object, host: object, message: RegExp])[] = [
  [{ Image: '' }, {}, /no image specified/],
  [{ Tty: 'yes' }, {}, /cannot unmarshal string into Go struct field Tty of type bool/],
  [{ Env: ['=x'] }, {}, /invalid environment variable: =x/],
  [{ WorkingDir: 'app' }, {}, /the working directory 'app' is invalid, it needs to be an absolute path/],
  [{ Healthcheck: { Test: ['RUN', 'x'] } }, {}, /Unknown healthcheck type 'RUN'/],
  [{ Healthcheck: { Interval: 5 } }, {}, /Interval in Healthcheck cannot be less than 1ms/],
  [{}, { Memory: 1024 }, /Minimum memory limit allowed is 6MB/],
  [{}, { MemorySwap: 1 << 29 }, /always set the Memory limit when using Memoryswap/],
  [{}, { NanoCpus: 1e9, CpuQuota: 5000 }, /Conflicting options: Nano CPUs and CPU Quota/],
  [{}, { AutoRemove: true, RestartPolicy: { Name: 'always' } }, /can't create 'AutoRemove' container with restart policy/],
  [{}, { RestartPolicy: { Name: 'sometimes' } }, /unknown policy 'sometimes'/],
  [{}, { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } }, /maximum retry count can only be used with 'on-failure'/],
  [{}, { Binds: ['a:b:c:d'] }, /invalid volume specification: 'a:b:c:d'/],
  [{}, { Binds: ['/a:b'] }, /mount path must be absolute/],
  [{}, { Binds: ['/a:/'] }, /destination can't be '\/'/],
  [{}, { Binds: ['/a:/b:rx'] }, /invalid mode: rx/],
  [{}, { Binds: ['./x:/b'] }, /includes invalid characters for a local volume name/],
  [{}, { Binds: ['/a:/b', '/c:/b'] }, /Duplicate mount point: \/b/],
  [{}, { Mounts: [{ Type: 'bind', Target: '/b' }] }, /invalid mount config for type "bind": field Source must not be empty/],
  [{}, { Mounts: [{ Type: 'npipe', Target: '/b' }] }, /invalid mount config for type "npipe": mount type unknown/],
  [{}, { PortBindings: { '99999/tcp': [{}] } }, /invalid port specification: "99999\/tcp"/],
  [{}, { PortBindings: { '80/quic': [{}] } }, /invalid proto: quic/],
  [{}, { PidMode: 'shared' }, /invalid PID mode: shared/],
  [{}, { SecurityOpt: ['apparmor=docker-default'] }, /"apparmor=docker-default" is not supported/],
  [{}, { LogConfig: { Type: 'syslog' } }, /no log driver named 'syslog' is registered/],
  [{}, { Runtime: 'kata' }, /HostConfig\.Runtime: "kata" is not supported/],
  [{}, { DeviceRequests: [{ Driver: 'nvidia' }] }, /HostConfig\.DeviceRequests: .* is not supported/],
  [{}, { UsernsMode: 'private' }, /HostConfig\.UsernsMode/],
  [{}, { MemorySwappiness: 101 }, /valid memory swappiness range is 0-100/],
  [{}, { BlkioWeight: 5 }, /Range of blkio weight is from 10 to 1000/],
  [{}, { BlkioDeviceReadBps: [{ Path: 'sda', Rate: 5 }] }, /bad format for device path: sda/],
  [{}, { DeviceCgroupRules: ['c 1:3'] }, /invalid device cgroup rule format: 'c 1:3'/],
  [{}, { CgroupnsMode: 'shared' }, /invalid cgroup namespace mode/],
  [{}, { LogConfig: { Type: 'local', Config: { 'max-file': '0' } } }, /max-file cannot be less than 1/],
  [{}, { LogConfig: { Config: { 'max-size': 'ten' } } }, /invalid value for max-size/],
  [{}, { LogConfig: { Config: { mode: 'non-blocking' } } }, /log opt 'mode=non-blocking' is not supported/],
  [{}, { LogConfig: { Config: { 'fluentd-address': 'x' } } }, /unknown log opt 'fluentd-address' for json-file log driver/],
  [{}, { StorageOpt: { size: '1G' } }, /HostConfig\.StorageOpt/],
];

for (const [config, host, message] of refusals) {
  test(`refuses ${JSON.stringify({ ...config, ...host })}`, () => {
    assert.throws(() => parse(config, host), { kind: 'invalid', message });
  });
}
