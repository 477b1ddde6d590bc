import type { CreateCase } from './case.ts';

/** ContainerConfig: the program, its surroundings, and what is only remembered. */
export const processCases: readonly CreateCase[] = [
  {
    title: 'names',
    config: { Hostname: 'box', Domainname: 'example.org' },
    runtime: { hostname: 'box', linux: { sysctl: { 'kernel.domainname': 'example.org' } } },
    inside: ['hostname -f', 'box.example.org'],
  },
  {
    title: 'user, groups, folder, environment',
    config: { User: '7:8', WorkingDir: '/usr/lib', Env: ['A=1', 'B=x y'] },
    host: { GroupAdd: ['9'] },
    inspect: { Config: { User: '7:8', WorkingDir: '/usr/lib' }, HostConfig: { GroupAdd: ['9'] } },
    runtime: { process: { user: { uid: 7, gid: 8, additionalGids: [9] }, cwd: '/usr/lib', env: ['A=1', 'B=x y'] } },
    inside: ['id -u; id -g; pwd; echo $A$B', '7\n8\n/usr/lib\n1x y'],
  },
  { title: 'which streams the client attaches to', config: { AttachStdin: true, AttachStdout: true, AttachStderr: true } },
  {
    title: 'a terminal of a size, with input that ends with its client',
    config: { Tty: true, OpenStdin: true, StdinOnce: true },
    host: { ConsoleSize: [33, 77] },
    runtime: { process: { terminal: true, consoleSize: { height: 33, width: 77 } } },
    inside: ['stty -F /proc/1/fd/0 size', '33 77'],
  },
  {
    title: 'the program and its arguments',
    config: { Entrypoint: ['sleep'], Cmd: ['1234'] },
    inspect: { Path: 'sleep', Args: ['1234'], Config: { Entrypoint: ['sleep'], Cmd: ['1234'] } },
    runtime: { process: { args: ['sleep', '1234'] } },
  },
  {
    title: 'a health check',
    config: {
      Healthcheck: { Test: ['CMD', 'true'], Interval: 50_000_000, Timeout: 2e9, Retries: 7, StartPeriod: 3e9, StartInterval: 20_000_000 },
    },
    inspect: {
      Config: {
        Healthcheck: { Test: ['CMD', 'true'], Interval: 50_000_000, Timeout: 2e9, Retries: 7, StartPeriod: 3e9, StartInterval: 20_000_000 },
      },
      State: { Health: { FailingStreak: 0 } },
    },
  },
  {
    title: 'what only builds and other systems look at is kept',
    config: { ArgsEscaped: true, OnBuild: ['RUN true'], Shell: ['/bin/ash', '-c'] },
    isOnlyCreated: true,
  },
  { title: 'labels and how it is stopped', config: { Labels: { a: 'b' }, StopSignal: 'SIGUSR1', StopTimeout: 3 } },
  {
    title: 'an anonymous volume',
    config: { Volumes: { '/data': {} } },
    inspect: { Config: { Volumes: { '/data': {} } }, Mounts: [{ Type: 'volume', Destination: '/data', RW: true }] },
    inside: ["grep -c ' /data ' /proc/mounts", '1'],
  },
  {
    title: 'ports',
    config: { ExposedPorts: { '70/udp': {} } },
    host: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }] }, PublishAllPorts: true },
    inspect: {
      Config: { ExposedPorts: { '70/udp': {}, '80/tcp': {} } },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }] }, PublishAllPorts: true },
      NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }], '70/udp': [{ HostIp: '0.0.0.0' }] } },
    },
  },
  {
    title: 'no network at all',
    config: { NetworkDisabled: true },
    inspect: { Config: { NetworkDisabled: true } },
    inside: ['ls /sys/class/net', 'lo'],
  },
];
