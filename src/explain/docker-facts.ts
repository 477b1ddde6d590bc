/** What the Docker API tells of containers and networks, as far as connections go. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly pid: number;
  readonly networkMode: string;
  readonly endpoints: readonly EndpointFacts[];
  readonly ports: readonly PublishedFacts[];
  readonly exposed: readonly string[];
}

export interface EndpointFacts {
  readonly network: string;
  readonly networkId: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly names: readonly string[];
}

export interface PublishedFacts {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp: string;
  readonly hostPort: number;
}

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly bridge: string;
}

/** Gives the JSON of a path of the Docker API; undefined for 404. */
export type DockerGet = (path: string) => Promise<unknown>;

interface RawEndpoint {
  readonly NetworkID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly Aliases?: readonly string[] | null;
  readonly DNSNames?: readonly string[] | null;
}

interface RawContainer {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Status: string; readonly Pid: number };
  readonly Config: { readonly ExposedPorts?: Readonly<Record<string, unknown>> | null };
  readonly HostConfig: { readonly NetworkMode: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, RawEndpoint>>;
    readonly Ports?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>> | null;
  };
}

interface RawNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Options?: Readonly<Record<string, string>> | null;
}

export async function readContainers(get: DockerGet): Promise<readonly ContainerFacts[]> {
  const list = (await get('/containers/json?all=1')) as readonly { readonly Id: string }[];
  const raw = await Promise.all(list.map(({ Id }) => get(`/containers/${Id}/json`)));
  // One that went meanwhile is no fact.
  return raw.filter((each) => each !== undefined).map((each) => containerFacts(each as RawContainer));
}

export async function readNetworks(get: DockerGet): Promise<readonly NetworkFacts[]> {
  return ((await get('/networks')) as readonly RawNetwork[]).map(({ Id, Name, Driver, Internal, Options }) => ({
    id: Id,
    name: Name,
    driver: Driver,
    internal: Internal,
    bridge: Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`,
  }));
}

function containerFacts({ Id, Name, State, Config, HostConfig, NetworkSettings }: RawContainer): ContainerFacts {
  const name = Name.replace(/^\//, '');
  return {
    id: Id,
    name,
    status: State.Status,
    pid: State.Pid,
    networkMode: HostConfig.NetworkMode,
    exposed: Object.keys(Config.ExposedPorts ?? {}),
    endpoints: Object.entries(NetworkSettings.Networks).map(([network, endpoint]) => ({
      network,
      networkId: endpoint.NetworkID ?? '',
      ipv4: endpoint.IPAddress ?? '',
      ipv6: endpoint.GlobalIPv6Address ?? '',
      names: network === 'bridge' ? [] : [...new Set([name, Id.slice(0, 12), ...(endpoint.Aliases ?? []), ...(endpoint.DNSNames ?? [])])],
    })),
    ports: Object.entries(NetworkSettings.Ports ?? {}).flatMap(([key, hosts]) => {
      const [containerPort = '', protocol = 'tcp'] = key.split('/');
      return (hosts ?? []).map(({ HostIp, HostPort }) => ({
        containerPort: Number(containerPort),
        protocol: protocol as 'tcp',
        hostIp: HostIp === '' ? '0.0.0.0' : HostIp,
        hostPort: Number(HostPort),
      }));
    }),
  };
}
