/**
 * The host's rules for all bridges and published ports, whole. Pure.
 *
 *   packet from outside ─► nat PREROUTING ─► DOCKER (DNAT to the container) ─► filter FORWARD ─► DOCKER-USER ─► DOCKER-FORWARD
 *     DOCKER-FORWARD: known connection? ok ─► between two bridges? drop, unless translated ─► to a bridge: DOCKER (published ports), else drop ─► from a bridge: ok
 *   packet to outside  ─► nat POSTROUTING ─► DAVIT-POSTROUTING (masquerade)
 */
export interface BridgeRules {
  readonly name: string;
  readonly subnet: string;
  readonly internal: boolean;
  readonly ingress: 'published' | 'open';
}

export interface PublishedPort {
  readonly bridge: string;
  readonly protocol: string;
  /** `0.0.0.0` = every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
}

export interface FirewallState {
  readonly bridges: readonly BridgeRules[];
  readonly ports: readonly PublishedPort[];
}

export interface Jump {
  readonly table: string;
  /** As iptables-save writes it, after `-A `. */
  readonly rule: string;
  /** Before everything else in its chain. */
  readonly first: boolean;
}

/** Jumps from the kernel's own chains into ours. They are added once, the rest is rewritten each time. */
export const jumps: readonly Jump[] = [
  { table: 'raw', rule: 'PREROUTING -j DAVIT-RAW', first: true },
  { table: 'nat', rule: 'PREROUTING -m addrtype --dst-type LOCAL -j DOCKER', first: false },
  { table: 'nat', rule: 'OUTPUT -m addrtype --dst-type LOCAL -j DOCKER', first: false },
  { table: 'nat', rule: 'POSTROUTING -j DAVIT-POSTROUTING', first: false },
  { table: 'filter', rule: 'FORWARD -j DOCKER-FORWARD', first: true },
  { table: 'filter', rule: 'FORWARD -j DOCKER-USER', first: true },
];

/** Jumps that a saved rule set lacks. */
export function missingJumps(saved: string): readonly Jump[] {
  const lines = saved.split('\n');
  const start = (table: string): number => lines.indexOf(`*${table}`);
  return jumps.filter(({ table, rule }) => {
    const from = start(table);
    if (from < 0) return true;
    const to = lines.indexOf('COMMIT', from);
    return !lines.slice(from, to).includes(`-A ${rule}`);
  });
}

/** Input of `iptables-restore --noflush`: our chains are emptied and written again, nobody else's are touched. */
export function renderFirewall(state: FirewallState, missing: readonly Jump[]): string {
  const added = (table: string): readonly string[] =>
    missing.filter((jump) => jump.table === table).map(({ rule, first }) => (first ? `-I ${rule}` : `-A ${rule}`));
  const needsUserChain = missing.some(({ rule }) => rule.endsWith('DOCKER-USER'));
  return [
    '*raw',
    ':DAVIT-RAW - [0:0]',
    ...added('raw'),
    ...state.bridges.map(({ name }) => `-A DAVIT-RAW -d 127.0.0.0/8 -i ${name} -j DROP`),
    'COMMIT',
    '*nat',
    ':DOCKER - [0:0]',
    ':DAVIT-POSTROUTING - [0:0]',
    ...added('nat'),
    ...state.ports.flatMap(destinationNat),
    ...state.bridges.flatMap(masquerade),
    ...state.ports.map(
      ({ containerIp, containerPort, protocol }) =>
        `-A DAVIT-POSTROUTING -s ${containerIp}/32 -d ${containerIp}/32 -p ${protocol} -m ${protocol} --dport ${containerPort} -j MASQUERADE`,
    ),
    'COMMIT',
    '*filter',
    ...(missing.some(({ table }) => table === 'filter') ? [':FORWARD DROP [0:0]'] : []),
    ':DOCKER - [0:0]',
    ':DOCKER-FORWARD - [0:0]',
    ':DOCKER-ISOLATION-STAGE-1 - [0:0]',
    ':DOCKER-ISOLATION-STAGE-2 - [0:0]',
    ...(needsUserChain ? [':DOCKER-USER - [0:0]'] : []),
    ...added('filter'),
    '-A DOCKER-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
    ...state.bridges
      .filter(({ internal }) => internal)
      .flatMap(({ name, subnet }) => [
        `-A DOCKER-FORWARD ! -s ${subnet} -o ${name} -j DROP`,
        `-A DOCKER-FORWARD ! -d ${subnet} -i ${name} -j DROP`,
      ]),
    '-A DOCKER-FORWARD -j DOCKER',
    ...state.bridges.flatMap(({ name, ingress }) => [
      `-A DOCKER-FORWARD -i ${name} -o ${name} -j ACCEPT`,
      ...(ingress === 'open'
        ? [`-A DOCKER-FORWARD -o ${name} -j ACCEPT`]
        : [`-A DOCKER-FORWARD -o ${name} -m conntrack ! --ctstate DNAT -j DROP`]),
    ]),
    ...state.bridges.map(({ name }) => `-A DOCKER-FORWARD -i ${name} ! -o ${name} -j ACCEPT`),
    ...state.ports.map(
      ({ bridge, containerIp, containerPort, protocol }) =>
        `-A DOCKER -d ${containerIp}/32 ! -i ${bridge} -o ${bridge} -p ${protocol} -m ${protocol} --dport ${containerPort} -j ACCEPT`,
    ),
    ...isolation(state.bridges),
    'COMMIT',
    '',
  ].join('\n');
}

/** `! -i` is Docker's rule; the second one lets containers of the same bridge reach the published port too. */
function destinationNat(port: PublishedPort): readonly string[] {
  const where = port.hostIp === '0.0.0.0' ? '' : `-d ${port.hostIp}/32 `;
  const what = `-p ${port.protocol} -m ${port.protocol} --dport ${port.hostPort} -j DNAT --to-destination ${port.containerIp}:${port.containerPort}`;
  return [`-A DOCKER ${where}! -i ${port.bridge} ${what}`, `-A DOCKER ${where}-i ${port.bridge} ${what}`];
}

/** Outwards under the host's address; from the host's own addresses (also 127.0.0.1) inwards under the bridge's. */
function masquerade({ name, subnet, internal }: BridgeRules): readonly string[] {
  const outwards = internal ? [] : [`-A DAVIT-POSTROUTING -s ${subnet} ! -o ${name} -j MASQUERADE`];
  return [...outwards, `-A DAVIT-POSTROUTING -o ${name} -m addrtype --src-type LOCAL -j MASQUERADE`];
}

/** Networks do not see each other, but for what was published or translated. */
function isolation(bridges: readonly BridgeRules[]): readonly string[] {
  return [
    ...bridges
      .map(({ name, ingress }) =>
        ingress === 'open'
          ? ''
          : `-A DOCKER-ISOLATION-STAGE-1 -i ${name} ! -o ${name} -m conntrack ! --ctstate DNAT -j DOCKER-ISOLATION-STAGE-2`,
      )
      .filter(Boolean),
    ...bridges.map(({ name }) => `-A DOCKER-ISOLATION-STAGE-2 -o ${name} -j DROP`),
  ];
}

/** Removes every chain and jump of ours; for `davit down`. `saved`: what iptables-save says now. */
export function renderTeardown(saved: string): string {
  const ours: Readonly<Record<string, readonly string[]>> = {
    raw: ['DAVIT-RAW'],
    nat: ['DOCKER', 'DAVIT-POSTROUTING'],
    filter: ['DOCKER', 'DOCKER-FORWARD', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2', 'DOCKER-USER'],
  };
  const present = jumps.filter((jump) => !missingJumps(saved).includes(jump));
  return Object.entries(ours)
    .map(([table, chains]) => ({ table, chains: chains.filter((chain) => hasChain(saved, table, chain)) }))
    .filter(({ chains }) => chains.length > 0)
    .map(({ table, chains }) =>
      [
        `*${table}`,
        ...(table === 'filter' ? [':FORWARD ACCEPT [0:0]'] : []),
        ...chains.map((chain) => `:${chain} - [0:0]`),
        ...present.filter((jump) => jump.table === table).map(({ rule }) => `-D ${rule}`),
        ...chains.map((chain) => `-X ${chain}`),
        'COMMIT',
        '',
      ].join('\n'),
    )
    .join('');
}

function hasChain(saved: string, table: string, chain: string): boolean {
  const lines = saved.split('\n');
  const from = lines.indexOf(`*${table}`);
  return from >= 0 && lines.slice(from, lines.indexOf('COMMIT', from)).some((line) => line.startsWith(`:${chain} `));
}
