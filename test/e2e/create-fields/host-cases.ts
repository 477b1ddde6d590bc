import { donor, type CreateCase } from './case.ts';

/** HostConfig's remaining fields: security, namespaces, life, log. */
export const hostCases: readonly CreateCase[] = [
  {
    title: 'capabilities, rights and switches',
    host: {
      CapAdd: ['CAP_NET_ADMIN'],
      CapDrop: ['CAP_CHOWN'],
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
      ReadonlyRootfs: true,
      Sysctls: { 'net.core.somaxconn': '77', 'kernel.msgmax': '9000' },
      MaskedPaths: ['/proc/kcore'],
      ReadonlyPaths: ['/proc/sys'],
    },
    runtime: {
      root: { readonly: true },
      process: { noNewPrivileges: true, capabilities: { bounding: ['CAP_NET_ADMIN'] } },
      linux: { sysctl: { 'kernel.msgmax': '9000' }, maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] },
    },
    inside: [
      "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2; touch /x 2>&1 | grep -c 'Read-only'",
      '77\n9000\n1\n0\n1',
    ],
  },
  {
    title: 'privileged',
    host: { Privileged: true },
    inspect: { HostConfig: { Privileged: true, SecurityOpt: ['label=disable'] } },
    inside: ["grep -c '^CapEff:.*ffffff' /proc/self/status", '1'],
  },
  {
    title: 'namespaces of another container',
    host: { IpcMode: `container:${donor}`, PidMode: `container:${donor}` },
    inspect: { HostConfig: { IpcMode: /^container:/, PidMode: /^container:/ } },
    runtime: {
      linux: {
        namespaces: [
          { type: 'ipc', path: /^\/proc\/\d+\/ns\/ipc$/ },
          { type: 'pid', path: /^\/proc\/\d+\/ns\/pid$/ },
        ],
      },
    },
  },
  {
    title: 'namespaces of the host, or of its own',
    host: { UTSMode: 'host', CgroupnsMode: 'private', UsernsMode: 'host' },
    runtime: { linux: { namespaces: [{ type: 'cgroup' }] } },
    inside: ["grep -c ':pids:/$' /proc/self/cgroup", '1'],
  },
  {
    title: 'a user namespace of its own is refused',
    host: { UsernsMode: 'private' },
    refused: /HostConfig\.UsernsMode: "private" is not supported/,
  },
  {
    title: 'a control group by name is refused',
    host: { Cgroup: 'container:x' },
    refused: /HostConfig\.Cgroup: "container:x" is not supported/,
  },
  { title: 'another runtime is refused', host: { Runtime: 'kata' }, refused: /HostConfig\.Runtime: "kata" is not supported/ },
  { title: 'the runtime by its other name', host: { Runtime: 'io.containerd.runc.v2', Isolation: 'default' }, isOnlyCreated: true },
  {
    title: 'isolation of another system is refused',
    host: { Isolation: 'hyperv' },
    refused: /HostConfig\.Isolation: "hyperv" is not supported/,
  },
  { title: 'a size of its layer is refused', host: { StorageOpt: { size: '1G' } }, refused: /HostConfig\.StorageOpt: .* is not supported/ },
  {
    title: 'init, shared memory, annotations, the file with its ID',
    host: { Init: true, ShmSize: 8 << 20, Annotations: { 'org.example': 'x' }, ContainerIDFile: '/tmp/id' },
    runtime: { annotations: { 'org.example': 'x' }, process: { args: ['/sbin/docker-init', '--'] } },
    inside: ["grep ' /dev/shm ' /proc/mounts | grep -c size=8192k; cat /proc/1/comm", '1\ndocker-init'],
  },
  {
    title: 'the log',
    host: { LogConfig: { Type: 'local', Config: { 'max-size': '1m', 'max-file': '2' } } },
  },
  {
    title: 'another log driver is refused',
    host: { LogConfig: { Type: 'syslog' } },
    refused: /no log driver named 'syslog' is registered/,
  },
  { title: 'who restarts it', host: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 4 } } },
  { title: 'it removes itself', host: { AutoRemove: true } },
];
