import type { Link, Route } from '../kernel/links.ts';
import { addressIn } from './address-in.ts';
import { isRelayed, relayTable, type RelayView } from './relay-table.ts';
import type { RuleSet } from './rule-set.ts';
import { walk, type Packet, type Walk } from './rule-walk.ts';

/** What packets meet on this host. */
export interface HostView {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly rules: { readonly 4: RuleSet; readonly 6: RuleSet };
  readonly relay?: RelayView | undefined;
}

export interface Path {
  readonly verdict: Walk['verdict'];
  /** The rule or policy that decided; undefined: nothing stood in the way. */
  readonly by: string | undefined;
  readonly table: string | undefined;
  /** The rule that translated it, and where to. */
  readonly translation: Translation | undefined;
  /** The host itself, or the link it leaves by; undefined when no route leads there. */
  readonly ends: 'host' | { readonly link: string } | undefined;
  readonly doubts: readonly string[];
}

export interface Translation {
  readonly rule: string;
  readonly address: string;
  readonly port: number;
  /** To davit's own listener on this host, which carries it to the container. */
  readonly isRelayed?: true;
}

/** The way of a connection's first packet through this host's tables, from a link (`inLink`) or from the host itself. Pure. */
export function hostPath(host: HostView, packet: Packet): Path {
  const isLocal = (address: string): boolean => isOfHost(host, address);
  const rules = host.rules[packet.destination.includes(':') ? 6 : 4];
  const doubts: string[] = [];
  const step = (table: string, chain: string, what: Packet): Walk => {
    const result = walk(rules, table, chain, what, isLocal);
    doubts.push(...result.doubts);
    return result;
  };
  const isSentHere = packet.inLink === undefined;
  const first = isSentHere ? 'OUTPUT' : 'PREROUTING';
  const sent = isSentHere ? { ...packet, outLink: isLocal(packet.destination) ? 'lo' : outLinkOf(host, packet.destination) } : packet;
  for (const table of ['raw', 'mangle']) {
    const early = step(table, first, sent);
    if (early.verdict !== 'accept') return stopped(early, undefined);
  }
  const translation = relayOf(host, packet) ?? translationOf(step('nat', first, sent), packet);
  const now: Packet = translation
    ? {
        ...sent,
        destination: translation.address,
        port: translation.port,
        original: { destination: packet.destination, port: packet.port },
      }
    : sent;
  if (isLocal(now.destination)) {
    const filter = step('filter', isSentHere ? 'OUTPUT' : 'INPUT', now);
    return filter.verdict === 'accept' ? arrived(filter, 'host') : stopped(filter, 'host');
  }
  const link = outLinkOf(host, now.destination);
  const ends = link === undefined ? undefined : { link };
  const filter = step('filter', isSentHere ? 'OUTPUT' : 'FORWARD', { ...now, outLink: link });
  return filter.verdict === 'accept' ? arrived(filter, ends) : stopped(filter, ends);

  function arrived({ by, table }: Walk, where: Path['ends']): Path {
    return { verdict: 'accept', by, table, translation, ends: where, doubts };
  }
  function stopped({ verdict, by, table }: Walk, where: Path['ends']): Path {
    return { verdict, by, table, translation, ends: where, doubts };
  }
}

function translationOf({ to, by }: Walk, { port }: Packet): Translation | undefined {
  return to === undefined ? undefined : { rule: by ?? '', ...splitTarget(to, port) };
}

/** Its table comes before those of iptables. */
function relayOf({ relay, links }: HostView, { destination, port, protocol }: Packet): Translation | undefined {
  const isSix = destination.includes(':') && isOfHost({ links }, destination);
  if (!relay || !isSix || protocol !== 'tcp' || !isRelayed(relay, { destination, port })) return undefined;
  const rule = `nftables ip6 ${relayTable}: tcp dport ${port} redirect to :${relay.listener}`;
  return { rule, address: destination, port: relay.listener, isRelayed: true };
}

export function isOfHost({ links }: Pick<HostView, 'links'>, address: string): boolean {
  if (addressIn(address, '127.0.0.0/8') || address === '::1') return true;
  return links.some(({ addresses }) => addresses.some((cidr) => cidr.split('/')[0] === address));
}

/** By the longest prefix. */
export function outLinkOf({ routes }: Pick<HostView, 'routes'>, address: string): string | undefined {
  const isSix = address.includes(':');
  const prefix = (to: string): number => (to === 'default' ? -1 : Number(to.split('/')[1] ?? 128));
  return routes
    .filter(({ to, via }) => (to === 'default' ? (via ?? '').includes(':') === isSix : addressIn(address, to)))
    .toSorted((a, b) => prefix(b.to) - prefix(a.to))[0]?.link;
}

/** `172.17.0.2:80`, `[fd00::2]:80`, `172.17.0.2` */
function splitTarget(to: string, port: number): { readonly address: string; readonly port: number } {
  const [, address = to, given] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(to) ?? [];
  return { address, port: given === undefined ? port : Number(given) };
}
