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
  /** Removes those that nobody uses and that `wanted` (default: all) says yes to. */
  prune(wanted?: (network: Network) => boolean): Promise<readonly string[]>;
}

export type NetworkDriver = 'bridge' | 'host' | 'none' | 'macvlan';

/** One subnet of a network. */
export interface AddressPool {
  /** CIDR. */
  readonly subnet: string;
  /** The bridge's own address and the way out; on macvlan the router of the parent's network. Undefined: macvlan without one. */
  readonly gateway: string | undefined;
  /** Addresses are only given out of this part of the subnet. */
  readonly ipRange?: string | undefined;
  /** Never given out, by the name they were reserved under. */
  readonly auxiliary?: Readonly<Record<string, string>>;
}

export interface NetworkSpec {
  readonly name: string;
  readonly driver: NetworkDriver;
  /** Without one of a family that is enabled, a free one is chosen from the engine's ranges; without gateway, its first address. */
  readonly pools?: readonly (Omit<AddressPool, 'subnet' | 'gateway'> & { readonly subnet?: string; readonly gateway?: string })[];
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv4?: boolean;
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
  readonly driver: NetworkDriver;
  /** IPv4 first. Empty on `host` and `none`. */
  readonly pools: readonly AddressPool[];
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
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
  readonly ipv6?: string;
  readonly mac?: string;
  readonly links?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** Of the container's networks, the one with the highest has the default route. */
  readonly gatewayPriority?: number;
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
  /** `fd00:1::2/64` */
  readonly ipv6?: string | undefined;
  readonly gateway6?: string | undefined;
  readonly mac: string | undefined;
  /** `eth0`, inside. */
  readonly interfaceName?: string;
  readonly aliases: readonly string[];
  readonly spec: EndpointSpec;
}

/** `-p 127.0.0.1:8080:80/tcp`. `hostPort` 0 or absent: a free one of ip_local_port_range, or of `hostPortRange`, is chosen at start. */
export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp?: string;
  readonly hostPort?: number;
  /** `-p 8000-8010:80`: the first that is free. */
  readonly hostPortRange?: { readonly from: number; readonly to: number };
}

/** A binding as it was made. */
export interface PublishedBinding extends PortBinding {
  readonly hostIp: string;
  readonly hostPort: number;
}
