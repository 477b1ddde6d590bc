import { createHash } from 'node:crypto';
import { widestRanges } from '../../base/ip-ranges.ts';
import type { Block, Direction, DirectionPlan, PolicyTable, RulePlan } from './plan.ts';

export const tableName = 'davit_policy';

/**
 * The whole table as one nft transaction. Both ends must agree: the sender's egress is asked in one hook, the
 * receiver's ingress in the next, so that what one accepts the other still sees.
 *
 *   forward, input ─► established: accept ─► egress-pods (source) ─► group: its policies' chains accept, or drop
 *   forward ────────► established: accept ─► ingress-pods (destination) ─► …
 *
 * What this host itself sends to its pods (probes) passes no such hook: it is always allowed.
 */
export function renderPolicies(table: PolicyTable): string {
  const isolated = [...new Set([...table.ingress.groups, ...table.egress.groups].flatMap(({ ips }) => ips))].toSorted();
  return [
    `add table ip ${tableName}`,
    `delete table ip ${tableName}`,
    `table ip ${tableName} {`,
    // Nobody can forbid a pod to talk to itself.
    ...collection(
      'set',
      'themselves',
      'ipv4_addr . ipv4_addr',
      isolated.map((ip) => `${ip} . ${ip}`),
    ),
    ...direction('egress', table.egress),
    ...direction('ingress', table.ingress),
    ...hook('forward', 'egress', 'filter - 6'),
    ...hook('input', 'egress', 'filter - 6'),
    ...hook('forward', 'ingress', 'filter - 5'),
    '}',
    '',
  ].join('\n');
}

function hook(name: 'forward' | 'input', way: Direction, priority: string): readonly string[] {
  return chain(`${name}-${way}`, [
    `type filter hook ${name} priority ${priority}; policy accept;`,
    'ct state established,related accept',
    'ip saddr . ip daddr @themselves accept',
    `ip ${way === 'egress' ? 'saddr' : 'daddr'} vmap @${way}-pods`,
  ]);
}

function direction(way: Direction, plan: DirectionPlan): readonly string[] {
  const pods = plan.groups.flatMap(({ policies, ips }) => ips.map((ip) => `${ip} : goto ${groupName(way, policies)}`));
  return [
    ...plan.policies.flatMap(({ id, rules }) => policyChain(`${way}-${id}`, way, rules)),
    ...plan.groups.flatMap(({ policies }) => chain(groupName(way, policies), [...policies.map((id) => `jump ${way}-${id}`), 'drop'])),
    ...collection('map', `${way}-pods`, 'ipv4_addr : verdict', pods),
  ];
}

/** Many policies make a long list: the name is its digest. */
function groupName(way: Direction, policies: readonly string[]): string {
  return `${way}-group-${createHash('sha256').update(policies.join(' ')).digest('hex').slice(0, 16)}`;
}

function policyChain(name: string, way: Direction, rules: readonly RulePlan[]): readonly string[] {
  const side = way === 'ingress' ? 'saddr' : 'daddr';
  const parts = rules.map((rule, index) => ({
    peers: peerMatches(rule, side, `${name}-${index}`),
    ports: portMatches(rule, `${name}-${index}-ports`),
  }));
  const lines = parts.flatMap(({ peers, ports }) =>
    peers.matches.flatMap((peer) => ports.matches.map((port) => [peer, port, 'accept'].filter(Boolean).join(' '))),
  );
  return [...parts.flatMap(({ peers, ports }) => [...peers.sets, ...ports.sets]), ...chain(name, lines)];
}

interface Matches {
  readonly sets: readonly string[];
  /** Alternatives; an empty text matches everything. */
  readonly matches: readonly string[];
}

function peerMatches({ peers }: RulePlan, side: string, setName: string): Matches {
  if (peers === 'any') return { sets: [], matches: [''] };
  const blocks = peers.blocks.map((block) => blockMatch(block, side));
  if (peers.ips.length === 0) return { sets: [], matches: blocks };
  return { sets: collection('set', setName, 'ipv4_addr', peers.ips), matches: [`ip ${side} @${setName}`, ...blocks] };
}

function blockMatch({ cidr, except }: Block, side: string): string {
  const [block = ''] = widestRanges([cidr]);
  const excluded = widestRanges(except);
  const within = block === '0.0.0.0/0' ? '' : `ip ${side} ${block}`;
  const without = excluded.length === 0 ? '' : `ip ${side} != { ${excluded.join(', ')} }`;
  return [within, without].filter(Boolean).join(' ');
}

function portMatches({ ports }: RulePlan, setName: string): Matches {
  if (ports === 'any') return { sets: [], matches: [''] };
  const numbers = [...ports.numbers].map(([protocol, list]) =>
    list.length === 0 ? `meta l4proto ${protocol}` : `meta l4proto ${protocol} th dport { ${list.join(', ')} }`,
  );
  if (ports.named.length === 0) return { sets: [], matches: numbers };
  const sets = collection('set', setName, 'ipv4_addr . inet_proto . inet_service', ports.named);
  return { sets, matches: [...numbers, `ip daddr . meta l4proto . th dport @${setName}`] };
}

function chain(name: string, rules: readonly string[]): readonly string[] {
  return [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'];
}

function collection(kind: 'map' | 'set', name: string, type: string, elements: readonly string[]): readonly string[] {
  const body = elements.length > 0 ? [`  elements = { ${elements.join(', ')} }`] : [];
  return [`${kind} ${name} {`, `  type ${type}`, ...body, '}'];
}
