/** Networks of this host. `bridge`, `host` and `none` always exist. */
export interface Networks {
  create(spec: NetworkSpec): Promise<Network>;
  /** By name, ID or unique ID prefix. `notFound`: `network x not found`. */
  get(nameOrId: string): Promise<Network>;
  list(): Promise<readonly Network[]>;
  /** `forbidden` for the three predefined ones and while endpoints are attached. */
  remove(nameOrId: string): Promise<void>;
  connect(nameOrId: string, containerId: string, endpoint: EndpointSpec): Promise<void>;
  disconnect(nameOrId: string, containerId: string, options: { readonly force: boolean }): Promise<void>;
  prune(): Promise<readonly string[]>;
}

export interface NetworkSpec {
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'none';
  /** CIDR; the next free /16 of 172.18–31 and then /20 of 192.168 when absent. */
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv6?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** `com.docker.network.bridge.name` and its kind. */
  readonly options?: Readonly<Record<string, string>>;
  /**
   * `published` (Docker's rule): from outside only published ports are let in.
   * `open`: everything is let in, as the pod network needs; containers on it are not isolated from the host's other networks of this kind.
   */
  readonly ingress?: 'published' | 'open';
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'none';
  readonly subnet: string | undefined;
  readonly gateway: string | undefined;
  readonly ipRange: string | undefined;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** The Linux bridge, `docker0` or `br-<12 digits>`. */
  readonly bridgeName: string | undefined;
  readonly endpoints: readonly Endpoint[];
}

export interface EndpointSpec {
  readonly aliases?: readonly string[];
  readonly ipv4?: string;
  readonly mac?: string;
  readonly links?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** One attachment of a container (or pod sandbox) to a network. */
export interface Endpoint {
  readonly id: string;
  readonly networkId: string;
  readonly networkName: string;
  /** Container or sandbox ID, and its name. */
  readonly ownerId: string;
  readonly ownerName: string;
  /** `172.17.0.2/16`; undefined while the container is not running. */
  readonly ipv4: string | undefined;
  readonly gateway: string | undefined;
  readonly mac: string | undefined;
  readonly aliases: readonly string[];
  readonly spec: EndpointSpec;
}

/** `-p 127.0.0.1:8080:80/tcp`. `hostPort` 0 or absent: a free one of ip_local_port_range is chosen at start. */
export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp?: string;
  readonly hostPort?: number;
}
