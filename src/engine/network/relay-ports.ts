import { addressOf, familyOf } from './cidr.ts';
import { publishedEndpoint, type KnownNetworks, type LiveOwner } from './live-owner.ts';

/** A published TCP port whose IPv6 address the kernel cannot translate: the container has IPv4 only, or it is the host's own ::1. */
export interface RelayPort {
  /** `::`: every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

/** Pure. */
export function relayPorts(networks: KnownNetworks, live: Iterable<LiveOwner>): readonly RelayPort[] {
  return [...live].flatMap(({ endpoints, ports }) => {
    const six = ports.filter(({ protocol, hostIp }) => protocol === 'tcp' && familyOf(hostIp) === 6);
    const target = six.length > 0 ? publishedEndpoint(endpoints, networks) : undefined;
    const cidr = target?.ipv6 ?? target?.ipv4;
    if (!target || !cidr) return [];
    return six
      .map(({ hostIp, hostPort, containerPort: port }) => ({ hostIp, hostPort, address: addressOf(cidr), port }))
      .flatMap((each) => (target.ipv6 ? toLoopback(each) : [each]));
  });
}

/** Of a container with IPv6 the rules translate everything but ::1. */
function toLoopback(port: RelayPort): readonly RelayPort[] {
  return port.hostIp === '::' || port.hostIp === '::1' ? [{ ...port, hostIp: '::1' }] : [];
}

/** `::1 . 8080`, `8080`: as nftables names it. */
export function relayKey({ hostIp, hostPort }: Pick<RelayPort, 'hostIp' | 'hostPort'>): string {
  return hostIp === '::' ? String(hostPort) : `${hostIp} . ${hostPort}`;
}

export const relayTable = 'davit_relay';

/** The table whole. Its chains come before those of iptables (-100), which then leave the connection alone. */
export function renderRelay(keys: readonly string[], listener: number): string {
  const elements = (own: readonly string[]): string => (own.length > 0 ? `elements = { ${own.join(', ')} }` : '');
  return `add table ip6 ${relayTable}
delete table ip6 ${relayTable}
table ip6 ${relayTable} {
  set anywhere { type inet_service; ${elements(keys.filter((key) => !key.includes(' ')))} }
  set at { type ipv6_addr . inet_service; ${elements(keys.filter((key) => key.includes(' ')))} }
  chain choose {
    fib daddr type local tcp dport @anywhere redirect to :${listener}
    ip6 daddr . tcp dport @at redirect to :${listener}
  }
  chain prerouting { type nat hook prerouting priority -105; jump choose; }
  chain output { type nat hook output priority -105; jump choose; }
}
`;
}

/** Whether a listed table (`nft -s list table`) is the one that was written. */
export function isRelayWhole(listed: string | undefined, keys: readonly string[], listener: number): boolean {
  const jumps = listed?.match(/jump choose/g)?.length ?? 0;
  const redirects = listed?.match(new RegExp(`redirect to :${listener}\\b`, 'g'))?.length ?? 0;
  const elements = [...(listed?.matchAll(/elements = \{([^}]*)\}/g) ?? [])].flatMap(([, text = '']) => text.split(','));
  return jumps === 2 && redirects === 2 && elements.length === keys.length;
}
