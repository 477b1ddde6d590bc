import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityNames } from '../../kernel/capabilities.ts';
import type { Container, ContainerSpec } from './container.ts';
import { networkSysctls, renderSpec, type SpecHost, type SpecInput } from './runtime-spec.ts';
import { customSeccomp, defaultSeccomp } from './seccomp.ts';

const host: SpecHost = { arch: 'x64', kernelRelease: '6.1.0-13-amd64', cgroupVersion: 1, boundingCapabilities: new Set(capabilityNames) };

function input(spec: Partial<ContainerSpec>, more: Partial<SpecInput> = {}, mounts: Container['mounts'] = []): SpecInput {
  const container = {
    id: 'c1',
    spec: { image: 'x', ...spec },
    path: '/bin/sh',
    args: ['-c', 'true'],
    env: ['A=1'],
    workingDirectory: '',
    hostname: 'h1',
    mounts,
  } as unknown as Container;
  return {
    container,
    user: { uid: 1000, gid: 1000, additionalGids: [], home: '/' },
    rootfs: '/r',
    cgroupsPath: '/davit/c1',
    namespaces: { network: '/run/n/c1' },
    etcFiles: { hosts: '/b/hosts' },
    shmPath: undefined,
    devices: [],
    initPath: undefined,
    ...more,
  };
}

test('an ordinary container: new namespaces but the pinned network, masked paths, seccomp, no capabilities for a plain user', () => {
  const spec = renderSpec(input({}), host);
  assert.deepEqual(spec.linux.namespaces, [
    { type: 'mount' },
    { type: 'network', path: '/run/n/c1' },
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'pid' },
  ]);
  assert.deepEqual(spec.process.args, ['/bin/sh', '-c', 'true']);
  assert.equal(spec.process.capabilities?.bounding.length, 14);
  assert.deepEqual(spec.process.capabilities?.effective, []);
  assert.equal(spec.process.cwd, '/');
  assert.ok(spec.linux.maskedPaths?.includes('/proc/kcore'));
  assert.ok(spec.linux.seccomp);
  assert.ok(spec.mounts.some(({ destination, source }) => destination === '/etc/hosts' && source === '/b/hosts'));
  assert.deepEqual(spec.linux.resources?.devices?.[0], { allow: false, access: 'rwm' });
});

test('privileged: everything open', () => {
  const spec = renderSpec(input({ privileged: true }), host);
  assert.equal(spec.linux.seccomp, undefined);
  assert.equal(spec.linux.maskedPaths, undefined);
  assert.deepEqual(spec.linux.resources?.devices, [{ allow: true, access: 'rwm' }]);
  assert.ok(!spec.mounts.find(({ destination }) => destination === '/sys')?.options?.includes('ro'));
});

test('own mounts replace default ones and parents come before children', () => {
  const mounts: Container['mounts'] = [
    { type: 'bind', source: '/x/y', target: '/data/deep', readOnly: true, propagation: 'rslave' },
    { type: 'volume', name: 'v', source: '/v', target: '/data', readOnly: false, propagation: '' },
    { type: 'tmpfs', source: 'size=1m', target: '/dev/shm', readOnly: false, propagation: '' },
  ];
  const spec = renderSpec(input({}, {}, mounts), host);
  assert.deepEqual(
    spec.mounts.slice(-3).map(({ destination, options }) => [destination, options]),
    [
      ['/data', ['rbind', 'rprivate']],
      ['/data/deep', ['rbind', 'ro', 'rro', 'rslave']],
      ['/dev/shm', ['nosuid', 'nodev', 'noexec', 'size=1m']],
    ],
  );
  assert.equal(spec.mounts.filter(({ destination }) => destination === '/dev/shm').length, 1);
  assert.equal(spec.linux.rootfsPropagation, 'slave');
});

test('host namespaces are left out; cgroup v2 adds one', () => {
  const spec = renderSpec(input({}, { namespaces: { network: 'host', pid: '/proc/1/ns/pid' } }), { ...host, cgroupVersion: 2 });
  assert.deepEqual(
    spec.linux.namespaces.map(({ type }) => type),
    ['mount', 'ipc', 'uts', 'pid', 'cgroup'],
  );
});

test('network sysctls: Docker’s, unless the container wants others', () => {
  assert.equal(networkSysctls({})['net.ipv4.ip_unprivileged_port_start'], '0');
  assert.equal(
    networkSysctls({ sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } })['net.ipv4.ip_unprivileged_port_start'],
    '1024',
  );
  assert.deepEqual(renderSpec(input({ sysctls: { 'kernel.shmmax': '1', 'net.core.somaxconn': '9' } }), host).linux.sysctl, {
    'kernel.shmmax': '1',
  });
});

test('seccomp follows capabilities, architecture and kernel', () => {
  const rulesFor = (capabilities: readonly string[], arch = 'x64', kernelRelease = '6.1.0') =>
    (defaultSeccomp(capabilities, { arch, kernelRelease }) as { syscalls: { names: string[]; action: string; args?: object[] }[] })
      .syscalls;
  const allows = (rules: ReturnType<typeof rulesFor>, name: string) =>
    rules.some((rule) => rule.action === 'SCMP_ACT_ALLOW' && !rule.args && rule.names.includes(name));
  assert.ok(!allows(rulesFor([]), 'mount'));
  assert.ok(allows(rulesFor(['CAP_SYS_ADMIN']), 'mount'));
  assert.ok(allows(rulesFor([]), 'arch_prctl'));
  assert.ok(!allows(rulesFor([], 'arm64'), 'arch_prctl'));
  assert.ok(allows(rulesFor([]), 'ptrace'));
  assert.ok(!allows(rulesFor([], 'x64', '4.4.0'), 'ptrace'));
});

test('a profile of one’s own: conditions, architecture map and the old form of a name', () => {
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    archMap: [
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
    ],
    syscalls: [
      { name: 'mkdir', action: 'SCMP_ACT_ERRNO', args: [] },
      { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', includes: { minKernel: '99.0' } },
    ],
  };
  assert.deepEqual(customSeccomp(profile, [], host), {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' },
      { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
    ],
  });
  assert.throws(() => customSeccomp({ ...profile, architectures: ['SCMP_ARCH_X86'] }, [], host), { kind: 'invalid' });
});

test('asked for openly: paths, a control group of one’s own, device rules, a domain', () => {
  const spec = renderSpec(
    input({
      maskedPaths: [],
      readonlyPaths: [],
      cgroupMode: 'private',
      domainname: 'example.org',
      deviceRules: [{ type: 'c', major: 10, minor: undefined, access: 'rw' }],
    }),
    host,
  );
  assert.deepEqual([spec.linux.maskedPaths, spec.linux.readonlyPaths], [[], []]);
  assert.ok(spec.linux.namespaces.some(({ type }) => type === 'cgroup'));
  assert.deepEqual(spec.linux.sysctl, { 'kernel.domainname': 'example.org' });
  assert.deepEqual(spec.linux.resources?.devices?.at(-1), { allow: true, type: 'c', access: 'rw', major: 10 });
});
