import { addressIn } from './address-in.ts';
import type { Match, RuleSet } from './rule-set.ts';

/** A first packet of a connection, where it is at the moment. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
  readonly port: number;
  readonly inLink?: string | undefined;
  readonly outLink?: string | undefined;
  /** Where it was sent before it was translated. */
  readonly original?: { readonly destination: string; readonly port: number } | undefined;
}

export interface Walk {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** What decided: the rule as iptables-save writes it, or `policy DROP of FORWARD`; undefined: nothing was in the way. */
  readonly by: string | undefined;
  readonly table: string;
  /** A new destination, `172.17.0.2:80`. */
  readonly to: string | undefined;
  /** Rules that match something this does not understand: they were taken for not matching. */
  readonly doubts: readonly string[];
}

/** What one chain of the kernel's does with the packet. `isLocal`: whether an address is this host's. Pure. */
export function walk(rules: RuleSet, table: string, chain: string, packet: Packet, isLocal: (address: string) => boolean): Walk {
  const doubts: string[] = [];
  const decided = visit(chain, 0);
  if (decided) return { table, doubts, ...decided };
  const policy = rules.chains.get(`${table} ${chain}`)?.policy;
  const isDropped = policy === 'DROP';
  return { table, doubts, verdict: isDropped ? 'drop' : 'accept', by: isDropped ? `policy DROP of ${chain}` : undefined, to: undefined };

  function visit(name: string, depth: number): Pick<Walk, 'verdict' | 'by' | 'to'> | undefined {
    for (const rule of rules.chains.get(`${table} ${name}`)?.rules ?? []) {
      const results = rule.matches.map((match) => matches(match, packet, isLocal));
      if (results.includes('unknown') && !results.includes(false)) doubts.push(rule.text);
      if (results.some((result) => result !== true)) continue;
      const { target, text: by } = rule;
      if (target === 'RETURN') return undefined;
      if (target === 'ACCEPT') return { verdict: 'accept', by, to: undefined };
      if (target === 'DROP') return { verdict: 'drop', by, to: undefined };
      if (target === 'REJECT') return { verdict: 'reject', by, to: undefined };
      if (target === 'DNAT') return { verdict: 'accept', by, to: rule.to };
      if (target === undefined || depth > 20 || !rules.chains.has(`${table} ${target}`)) continue;
      const inner = visit(target, depth + 1);
      if (inner) return inner;
      if (rule.isGoto) return undefined;
    }
    return undefined;
  }
}

function matches(match: Match, packet: Packet, isLocal: (address: string) => boolean): boolean | 'unknown' {
  const result = matchesPlain(match, packet, isLocal);
  return result === 'unknown' ? result : result !== match.isNegated;
}

function matchesPlain({ option, values }: Match, packet: Packet, isLocal: (address: string) => boolean): boolean | 'unknown' {
  const [value = ''] = values;
  const original = packet.original ?? { destination: packet.destination, port: packet.port };
  switch (option) {
    case '-i':
      return linkIs(packet.inLink, value);
    case '-o':
      return linkIs(packet.outLink, value);
    case '-s':
      return addressIn(packet.source, value);
    case '-d':
      return addressIn(packet.destination, value);
    case '-p':
      return value === packet.protocol || value === 'all';
    case '--dport':
    case '--dports':
      return portIn(packet.port, value);
    case '--ctorigdstport':
      return portIn(original.port, value);
    case '--ctorigdst':
      return addressIn(original.destination, value);
    case '--ctstate':
    case '--state':
      return value.split(',').some((state) => state === 'NEW' || (state === 'DNAT' && packet.original !== undefined));
    case '--ctdir':
      return value === 'ORIGINAL';
    case '--dst-type':
      return typeIs(packet.destination, value, isLocal);
    case '--src-type':
      return typeIs(packet.source, value, isLocal);
    case '--syn':
      return packet.protocol === 'tcp';
    default:
      return 'unknown';
  }
}

function linkIs(link: string | undefined, wanted: string): boolean {
  return wanted.endsWith('+') ? (link ?? '').startsWith(wanted.slice(0, -1)) : link === wanted;
}

function portIn(port: number, list: string): boolean {
  return list.split(',').some((range) => {
    const [from, to = from] = range.split(':').map(Number);
    return port >= (from ?? 0) && port <= (to ?? 0);
  });
}

function typeIs(address: string, type: string, isLocal: (address: string) => boolean): boolean | 'unknown' {
  if (type === 'LOCAL') return isLocal(address);
  return type === 'UNICAST' ? !isLocal(address) : 'unknown';
}
