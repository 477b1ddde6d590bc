import { chainsOf, type Chains } from './firewall-change.ts';
import { inputChain, type InputCopy } from './input-copy.ts';

/**
 * The host's rules for all bridges and published ports, whole, of one family. Pure.
 *
 *   packet from outside ─► nat PREROUTING ─► DOCKER (DNAT to the container) ─► filter FORWARD ─► DOCKER-USER ─► DOCKER-FORWARD
 *     DOCKER-FORWARD: known connection? ok ─► between two bridges? drop, unless translated ─► to a bridge: DOCKER (published ports), else drop ─► from a bridge: ok
 *   packet to outside  ─► nat POSTROUTING ─► DAVIT-POSTROUTING (masquerade)
 */
export interface BridgeRules {
  readonly name: string;
  /** Of this family. */
  readonly subnets: readonly string[];
  readonly internal: boolean;
  readonly ingress: 'published' | 'open';
  /** Whether its containers reach each other. */
  readonly icc: boolean;
  readonly masquerade: boolean;
}

export interface PublishedPort {
  readonly bridge: string;
  readonly protocol: string;
  /** `0.0.0.0`, `::` = every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
}

export interface FirewallState {
  readonly family: 4 | 6;
  readonly bridges: readonly BridgeRules[];
  readonly ports: readonly PublishedPort[];
  /** Set when the host's INPUT rules decide who reaches published ports. */
  readonly input?: InputCopy | undefined;
}

/** Says that FORWARD dropped what nobody lets in before davit came, so that it does so again when davit goes. */
const closedMark = 'DAVIT-FORWARD-DROP';

/** Whether the host had the policy DROP before its first rule of ours. */
export function wasClosed(saved: string): boolean {
  const filter = linesByTable(saved).get('filter') ?? [];
  if (filter.some((line) => line.startsWith(`:${closedMark} `))) return true;
  return filter.some((line) => line.startsWith(':FORWARD DROP ')) && !filter.some((line) => line.startsWith(':DOCKER-FORWARD '));
}

/** Input of `iptables-restore --noflush`: our chains are emptied and written again, nobody else's are touched. */
export function renderFirewall(state: FirewallState, missing: readonly Jump[], before = { wasClosed: false }): string {
  const { family, bridges, ports, input } = state;
  const added = (table: string): readonly string[] =>
    missing.filter((jump) => jump.table === table).map(({ rule, first }) => (first ? `-I ${rule}` : `-A ${rule}`));
  const needsUserChain = missing.some(({ rule }) => rule.endsWith('DOCKER-USER'));
  return [
    '*raw',
    ':DAVIT-RAW - [0:0]',
    ...added('raw'),
    // Nothing translates the loopback address of IPv6.
    ...(family === 4 ? bridges.map(({ name }) => `-A DAVIT-RAW -d 127.0.0.0/8 -i ${name} -j DROP`) : []),
    'COMMIT',
    '*nat',
    ':DOCKER - [0:0]',
    ':DAVIT-POSTROUTING - [0:0]',
    ...added('nat'),
    ...ports.flatMap(destinationNat),
    ...bridges.flatMap(masquerade),
    ...new Set(ports.map(hairpin)),
    'COMMIT',
    '*filter',
    ...(missing.some(({ table }) => table === 'filter') ? [':FORWARD DROP [0:0]'] : []),
    ...(missing.length > 0 && before.wasClosed ? [`:${closedMark} - [0:0]`] : []),
    ':DOCKER - [0:0]',
    ':DOCKER-FORWARD - [0:0]',
    ':DOCKER-ISOLATION-STAGE-1 - [0:0]',
    ':DOCKER-ISOLATION-STAGE-2 - [0:0]',
    ...(needsUserChain ? [':DOCKER-USER - [0:0]'] : []),
    ...(input?.chains ?? []).map(({ name }) => `:${name} - [0:0]`),
    ...added('filter'),
    ...forwardRules(bridges),
    ...new Set(ports.map((port) => letIn(port, input ? inputChain : 'ACCEPT'))),
    ...isolation(bridges),
    ...(input?.chains ?? []).flatMap(({ rules }) => rules),
    'COMMIT',
    '',
  ].join('\n');
}

function forwardRules(bridges: readonly BridgeRules[]): readonly string[] {
  return [
    '-A DOCKER-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
    ...bridges
      .filter(({ internal }) => internal)
      .flatMap(({ name }) => [`-A DOCKER-FORWARD ! -i ${name} -o ${name} -j DROP`, `-A DOCKER-FORWARD -i ${name} ! -o ${name} -j DROP`]),
    '-A DOCKER-FORWARD -j DOCKER',
    ...bridges.flatMap(({ name, ingress, icc }) => [
      `-A DOCKER-FORWARD -i ${name} -o ${name} -j ${icc ? 'ACCEPT' : 'DROP'}`,
      ...(ingress === 'open'
        ? [`-A DOCKER-FORWARD -o ${name} -j ACCEPT`]
        : [`-A DOCKER-FORWARD -o ${name} -m conntrack ! --ctstate DNAT -j DROP`]),
    ]),
    ...bridges.map(({ name }) => `-A DOCKER-FORWARD -i ${name} ! -o ${name} -j ACCEPT`),
  ];
}

/** `! -i` is Docker's rule; the second one lets containers of the same bridge reach the published port too. */
function destinationNat(port: PublishedPort): readonly string[] {
  const isAnywhere = port.hostIp === '0.0.0.0' || port.hostIp === '::';
  const where = isAnywhere ? '' : `-d ${host(port.hostIp)} `;
  const to = port.containerIp.includes(':') ? `[${port.containerIp}]` : port.containerIp;
  const what = `-p ${port.protocol} -m ${port.protocol} --dport ${port.hostPort} -j DNAT --to-destination ${to}:${port.containerPort}`;
  return [`-A DOCKER ${where}! -i ${port.bridge} ${what}`, `-A DOCKER ${where}-i ${port.bridge} ${what}`];
}

/** A container that reaches itself by its published port must not see its own address as the client's. */
function hairpin({ containerIp, containerPort, protocol }: PublishedPort): string {
  const self = host(containerIp);
  return `-A DAVIT-POSTROUTING -s ${self} -d ${self} -p ${protocol} -m ${protocol} --dport ${containerPort} -j MASQUERADE`;
}

function letIn({ bridge, containerIp, containerPort, protocol }: PublishedPort, target: string): string {
  return `-A DOCKER -d ${host(containerIp)} ! -i ${bridge} -o ${bridge} -p ${protocol} -m ${protocol} --dport ${containerPort} -j ${target}`;
}

function host(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/** Outwards under the host's address; from the host's own addresses (also 127.0.0.1) inwards under the bridge's. */
function masquerade({ name, subnets, internal, masquerade: isWanted }: BridgeRules): readonly string[] {
  const outwards = internal || !isWanted ? [] : subnets.map((subnet) => `-A DAVIT-POSTROUTING -s ${subnet} ! -o ${name} -j MASQUERADE`);
  return [...outwards, `-A DAVIT-POSTROUTING -o ${name} -m addrtype --src-type LOCAL -j MASQUERADE`];
}

/** Networks do not see each other, but for what was published or translated. */
function isolation(bridges: readonly BridgeRules[]): readonly string[] {
  return [
    ...bridges
      .filter(({ ingress }) => ingress !== 'open')
      .map(({ name }) => `-A DOCKER-ISOLATION-STAGE-1 -i ${name} ! -o ${name} -m conntrack ! --ctstate DNAT -j DOCKER-ISOLATION-STAGE-2`),
    ...bridges.map(({ name }) => `-A DOCKER-ISOLATION-STAGE-2 -o ${name} -j DROP`),
  ];
}

export interface Jump {
  readonly table: string;
  /** As iptables-save writes it, after `-A `. */
  readonly rule: string;
  /** Before everything else in its chain. */
  readonly first: boolean;
}

/** Jumps from the kernel's own chains into ours. They are added once, the rest is rewritten each time. */
export function jumpsOf(family: 4 | 6): readonly Jump[] {
  const elsewhere = family === 4 ? '' : '! -d ::1/128 ';
  return [
    { table: 'raw', rule: 'PREROUTING -j DAVIT-RAW', first: true },
    { table: 'nat', rule: 'PREROUTING -m addrtype --dst-type LOCAL -j DOCKER', first: false },
    { table: 'nat', rule: `OUTPUT ${elsewhere}-m addrtype --dst-type LOCAL -j DOCKER`, first: false },
    { table: 'nat', rule: 'POSTROUTING -j DAVIT-POSTROUTING', first: false },
    { table: 'filter', rule: 'FORWARD -j DOCKER-FORWARD', first: true },
    { table: 'filter', rule: 'FORWARD -j DOCKER-USER', first: true },
  ];
}

/** Jumps that a saved rule set lacks. */
export function missingJumps(saved: string, family: 4 | 6): readonly Jump[] {
  const tables = linesByTable(saved);
  return jumpsOf(family).filter(({ table, rule }) => !(tables.get(table) ?? []).includes(`-A ${rule}`));
}

/** What a saved rule set lacks or has changed of our chains, in words: `iptables nat: 3 of 4 rules of DOCKER`. */
export function missingRules(wanted: Chains, saved: string, family: 4 | 6): readonly string[] {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const there = chainsOf(saved);
  const jumps = missingJumps(saved, family).map(({ table, rule }) => `${program} ${table}: jump from ${rule.replace(/ .*-j /, ' to ')}`);
  const chains = Array.from(wanted, ([key, want]) => {
    const have = there.get(key) ?? [];
    if (want.join('\n') === have.join('\n')) return undefined;
    const [table = '', chain = ''] = key.split(' ');
    // Rules of others, which iptables-save may write in another way: their number tells whether they are there.
    if (isCopied(chain) && want.length === have.length) return undefined;
    const known = new Set(have);
    const gone = want.filter((rule) => !known.has(rule)).length;
    return gone > 0
      ? `${program} ${table}: ${gone} of ${want.length} rules of ${chain}`
      : `${program} ${table}: order or number of the rules of ${chain}`;
  });
  return [...jumps, ...chains.filter((text) => text !== undefined)];
}

/** Removes every chain and jump of ours; for `davit down`. `saved`: what iptables-save says now. */
export function renderTeardown(saved: string, family: 4 | 6): string {
  const ours: Readonly<Record<string, readonly string[]>> = {
    raw: ['DAVIT-RAW'],
    nat: ['DOCKER', 'DAVIT-POSTROUTING'],
    filter: ['DOCKER', 'DOCKER-FORWARD', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2', 'DOCKER-USER', closedMark],
  };
  const opens = !wasClosed(saved);
  const tables = linesByTable(saved);
  const missing = missingJumps(saved, family).map(({ rule }) => rule);
  const present = jumpsOf(family).filter(({ rule }) => !missing.includes(rule));
  return Object.entries(ours)
    .map(([table, chains]) => ({
      table,
      chains: [
        ...chains.filter((chain) => tables.get(table)?.some((line) => line.startsWith(`:${chain} `)) === true),
        ...(table === 'filter' ? copiedChains(saved) : []),
      ],
    }))
    .filter(({ chains }) => chains.length > 0)
    .map(({ table, chains }) =>
      [
        `*${table}`,
        ...(table === 'filter' && opens ? [':FORWARD ACCEPT [0:0]'] : []),
        ...chains.map((chain) => `:${chain} - [0:0]`),
        ...present.filter((jump) => jump.table === table).map(({ rule }) => `-D ${rule}`),
        ...chains.map((chain) => `-X ${chain}`),
        'COMMIT',
        '',
      ].join('\n'),
    )
    .join('');
}

function copiedChains(saved: string): readonly string[] {
  return [...saved.matchAll(/^:(\S+) -/gm)].flatMap(([, name = '']) => (isCopied(name) ? [name] : []));
}

function isCopied(chain: string): boolean {
  return chain === inputChain || chain.startsWith(`${inputChain}-`);
}

/** The lines between `*table` and COMMIT. */
function linesByTable(text: string): ReadonlyMap<string, readonly string[]> {
  const tables = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) tables.set(line.slice(1), (current = []));
    else if (line !== 'COMMIT') current.push(line);
  }
  return tables;
}
