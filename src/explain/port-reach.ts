import type { ContainerFacts, PublishedFacts } from './docker-facts.ts';
import { hostPath, isOfHost, type HostView, type Path } from './host-path.ts';

/** Who can reach a published port: this host by its loopback address, the networks it is in, everybody else. */
export interface PortReach {
  readonly container: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  /** Undefined: it could not be looked at. */
  readonly listens: boolean | undefined;
  readonly loopback: Reach;
  readonly lan: Reach;
  readonly world: Reach;
  /** Rules that could not be understood, and were taken for not matching. */
  readonly doubts: readonly string[];
}

export interface Reach {
  readonly reachable: boolean;
  /** The rule that decides, or why there is none to ask. */
  readonly because: string;
}

/** An address of documentation (RFC 5737, RFC 3849): a stranger's. */
const stranger = { 4: '198.51.100.7', 6: '2001:db8::7' } as const;

/** Computed from the real rules. Pure. */
export function portReach(host: HostView, container: ContainerFacts, port: PublishedFacts, listens: boolean | undefined): PortReach {
  const family = port.hostIp.includes(':') ? 6 : 4;
  const outside = outsideOf(host, port, family);
  const doubts: string[] = [];
  const target = new Set(container.endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  const send = (source: string, destination: string, inLink: string | undefined): Reach => {
    const path = hostPath(host, { source, destination, protocol: port.protocol, port: port.hostPort, inLink });
    doubts.push(...path.doubts);
    return verdict(path, target);
  };
  const isAnywhere = port.hostIp === '0.0.0.0' || port.hostIp === '::';
  const loopback = family === 4 ? '127.0.0.1' : '::1';
  const near = isAnywhere ? loopback : port.hostIp;
  const none: Reach = { reachable: false, because: outside.why ?? '' };
  return {
    container: container.name,
    ...port,
    listens,
    loopback: isAnywhere || isLoopback(port.hostIp) ? send(near, near, undefined) : no(`published at ${port.hostIp} only`),
    lan: outside.link ? send(outside.neighbour, outside.address, outside.link) : none,
    world: outside.link ? withRouter(send(stranger[family], outside.address, outside.link), outside.address) : none,
    doubts: [...new Set(doubts)],
  };
}

function no(because: string): Reach {
  return { reachable: false, because };
}

function verdict(path: Path, target: ReadonlySet<string>): Reach {
  if (!path.translation) return no('no DNAT rule takes it to the container');
  if (path.translation.isRelayed !== true && !target.has(path.translation.address))
    return no(`translated to ${path.translation.address}, not to this container: ${path.translation.rule}`);
  if (path.verdict !== 'accept') return no(path.by ?? `${path.verdict} in ${path.table}`);
  if (path.ends === undefined) return no(`no route to ${path.translation.address}`);
  return { reachable: true, because: path.by ?? path.translation.rule };
}

/** A private address is only reached from elsewhere when a router passes the port on. */
function withRouter(reach: Reach, address: string): Reach {
  if (!reach.reachable || !/^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd])/.test(address)) return reach;
  return {
    reachable: true,
    because: `${reach.because} (${address} is a private address: from elsewhere only if a router forwards the port)`,
  };
}

interface Outside {
  /** The link that leads outwards. */
  readonly link?: string;
  readonly address: string;
  readonly neighbour: string;
  readonly why?: string;
}

function outsideOf(host: HostView, { hostIp }: PublishedFacts, family: 4 | 6): Outside {
  const nowhere = { address: '', neighbour: '' };
  if (isLoopback(hostIp)) return { ...nowhere, why: `published at ${hostIp} only` };
  const isSix = (cidr: string): boolean => cidr.includes(':') === (family === 6);
  const isAnywhere = hostIp === '0.0.0.0' || hostIp === '::';
  if (!isAnywhere && !isOfHost(host, hostIp)) return { ...nowhere, why: `this host has no address ${hostIp}` };
  const way = host.routes.find(({ to, via }) => to === 'default' && isSix(via ?? ''))?.link;
  const candidates = host.links.filter(({ kind, name, isUp }) => isUp && kind !== 'loopback' && (kind !== 'bridge' || name === way));
  const owner = isAnywhere
    ? (candidates.find(({ name }) => name === way) ?? candidates.find(({ addresses }) => addresses.some(global)))
    : host.links.find(({ addresses }) => addresses.some((cidr) => cidr.split('/')[0] === hostIp));
  const address = isAnywhere ? owner?.addresses.find(global)?.split('/')[0] : hostIp;
  if (!owner || !address) return { ...nowhere, why: `this host has no IPv${family} address but its loopback's` };
  return { link: owner.name, address, neighbour: neighbourOf(address) };

  function global(cidr: string): boolean {
    return isSix(cidr) && !cidr.startsWith('fe80') && !cidr.startsWith('127.');
  }
}

/** Another address of the same small net: the last bit turned around. */
function neighbourOf(address: string): string {
  const [, head = '', last = ''] = /^(.*[.:])([0-9a-f]*)$/.exec(address) ?? [];
  const radix = address.includes(':') ? 16 : 10;
  return `${head}${(Number.parseInt(last || '0', radix) ^ 3).toString(radix)}`;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
