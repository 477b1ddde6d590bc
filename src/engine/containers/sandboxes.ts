import type { PortBinding } from '../network/networks.ts';

/** Pod sandboxes: pinned net, ipc and uts namespaces with one address, without a process of their own unless they share processes. */
export interface Sandboxes {
  /** Idempotent by id. Address, hosts file and resolv.conf are ready when it resolves. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  get(id: string): Promise<Sandbox | undefined>;
  list(): Promise<readonly Sandbox[]>;
  /** Removes its containers first; succeeds when there is none. */
  remove(id: string): Promise<void>;
}

export interface SandboxSpec {
  /** The pod's UID. */
  readonly id: string;
  /** For people: `default/web-1`. */
  readonly name: string;
  readonly hostname: string;
  /** Behind the host name in /etc/hosts: `web.default.svc.cluster.local`. */
  readonly domainname?: string;
  /** Engine network; `host` for hostNetwork pods. */
  readonly network: string;
  readonly dns: { readonly servers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[] };
  /** Extra lines of /etc/hosts: `10.0.0.1 name alias`. */
  readonly hosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** hostPort bindings. */
  readonly ports: readonly PortBinding[];
  readonly labels: Readonly<Record<string, string>>;
  /** Its containers share one PID namespace, whose first process is the sandbox's own. */
  readonly sharesProcesses?: boolean;
  /** Parent cgroup of that process; default: the engine's. */
  readonly cgroupParent?: string;
}

export interface Sandbox {
  readonly spec: SandboxSpec;
  /** Without prefix length; undefined on the host network. */
  readonly ip: string | undefined;
  /** Pinned network namespace; undefined on the host network. */
  readonly netnsPath: string | undefined;
  readonly createdAt: Date;
}
