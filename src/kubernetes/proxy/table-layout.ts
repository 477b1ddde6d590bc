/** The fixed part of the proxy's table and the parts that are made when the first Service needs them. Pure text. */
import type { Frontend } from './service-port.ts';

export const tableName = 'davit_proxy';

/** Set on packets whose source must become ours. */
const masqueradeMark = '0x4000';

/** Where a frontend's key is looked up: by address or by node port, for all or for those from outside. */
export type Space = 'address' | 'node' | 'outside-address' | 'outside-node';
export const spaces: readonly Space[] = ['address', 'node', 'outside-address', 'outside-node'];

export function spaceOf({ view, address }: Pick<Frontend, 'view' | 'address'>): Space {
  const kind = address === undefined ? 'node' : 'address';
  return view === 'all' ? kind : `outside-${kind}`;
}

const fieldsOf = (space: Space): string => (space.endsWith('address') ? 'ip daddr . meta l4proto . th dport' : 'meta l4proto . th dport');
const typeOf = (space: Space): string =>
  space.endsWith('address') ? 'ipv4_addr . inet_proto . inet_service' : 'inet_proto . inet_service';

/** How a frontend's packets find a backend; frontends that are alike share it. */
export interface Choice {
  readonly space: Space;
  /** Slots in use. */
  readonly slots: readonly number[];
  readonly masquerade: Frontend['masquerade'];
  readonly affinitySeconds: number | undefined;
}

/** `choose-address-3-strangers`; with holes and affinity `choose-address-x5-strangers-10800s`: slots 0 and 2, as bits of a hexadecimal number. */
export function choiceName({ space, slots, masquerade, affinitySeconds }: Choice): string {
  const isDense = slots.every((slot, index) => slot === index);
  const bits = slots.reduce((sum, slot) => sum | (1n << BigInt(slot)), 0n);
  const which = isDense ? `${slots.length}` : `x${bits.toString(16)}`;
  return `choose-${space}-${which}-${masquerade}${affinitySeconds === undefined ? '' : `-${affinitySeconds}s`}`;
}

export const backendMap = (space: Space, slot: number): string => `${space}-backends-${slot}`;
export const frontendMap = (space: Space): string => `${space}-frontends`;
export const idleMap = (space: Space): string => `${space}-idle`;

/** What a choice needs, each part by its name, in an order that refers only backwards. Parts never change: a name says all of it. */
export function choiceParts(choice: Choice, podCidr: string): ReadonlyMap<string, string> {
  const { space, slots, affinitySeconds, masquerade } = choice;
  const parts = new Map<string, string>();
  const fields = fieldsOf(space);
  const pick = (slot: number): string => `pick-${space}-${slot}${affinitySeconds === undefined ? '' : `-${affinitySeconds}s`}`;
  const remembered = (slot: number): string => `${space}-clients-${slot}`;
  for (const slot of slots) {
    parts.set(backendMap(space, slot), collection('map', backendMap(space, slot), [`type ${typeOf(space)} : ipv4_addr . inet_service`]));
    const rules = [`meta l4proto { tcp, udp, sctp } dnat to ${fields} map @${backendMap(space, slot)}`];
    if (affinitySeconds !== undefined) {
      parts.set(
        remembered(slot),
        collection('set', remembered(slot), [`type ipv4_addr . ${typeOf(space)}`, 'size 65536', 'flags dynamic,timeout']),
      );
      rules.unshift(`update @${remembered(slot)} { ip saddr . ${fields} timeout ${affinitySeconds}s }`);
    }
    parts.set(pick(slot), chain(pick(slot), rules));
  }
  const mark = `meta mark set meta mark or ${masqueradeMark}`;
  const marks = { none: [], all: [mark], strangers: [`ip saddr != ${podCidr} ${mark}`] }[masquerade];
  const known = affinitySeconds === undefined ? [] : slots.map((slot) => `ip saddr . ${fields} @${remembered(slot)} goto ${pick(slot)}`);
  const chances = slots.map((slot, index) => `${index} : goto ${pick(slot)}`).join(', ');
  const name = choiceName(choice);
  parts.set(name, chain(name, [...marks, ...known, `numgen random mod ${slots.length} vmap { ${chances} }`]));
  return parts;
}

/** Deletes and begins the table: the same transaction goes on with parts and elements.
 *
 *   prerouting/output ─► (outside-…, then address or node port) ─► choose-… ─► (random) ─► pick-… ─► dnat
 *   postrouting: marked, or a pod that met itself ─► masquerade
 *   before: sources that a balancer does not let in ─► drop       after: nobody there ─► reset, reject or drop
 */
export function emptyTable(podCidr: string): string {
  return [
    `add table ip ${tableName}`,
    `delete table ip ${tableName}`,
    part(collectionsAndVerdicts().join('\n')),
    part(hooks(podCidr).join('\n')),
  ].join('\n');
}

/** One part as a statement of its own. */
export function part(text: string): string {
  return `table ip ${tableName} {\n${text}\n}`;
}

function collectionsAndVerdicts(): readonly string[] {
  return [
    ...spaces.flatMap((space) => [
      collection('map', frontendMap(space), [`type ${typeOf(space)} : verdict`]),
      collection('map', idleMap(space), [`type ${typeOf(space)} : verdict`]),
    ]),
    collection('set', 'hairpin', ['type ipv4_addr . ipv4_addr']),
    collection('set', 'cluster-addresses', ['type ipv4_addr']),
    collection('set', 'guarded', ['type ipv4_addr . inet_proto . inet_service']),
    collection('set', 'let-in', ['type ipv4_addr . inet_proto . inet_service . ipv4_addr', 'flags interval']),
    // A pod's connect still holds its socket when an ICMP error comes straight back, and misses it until the first SYN is sent again, 1 s later: TCP gets a reset.
    chain('refuse', ['meta l4proto tcp reject with tcp reset', 'reject']),
  ];
}

function hooks(podCidr: string): readonly string[] {
  const isOutside = `ip saddr != ${podCidr} fib saddr type != local`;
  const lookUp = (kind: 'frontends' | 'idle'): readonly string[] => [
    `${isOutside} ${fieldsOf('address')} vmap @outside-address-${kind}`,
    `${isOutside} fib daddr type local ${fieldsOf('node')} vmap @outside-node-${kind}`,
    `${fieldsOf('address')} vmap @address-${kind}`,
    `fib daddr type local ${fieldsOf('node')} vmap @node-${kind}`,
  ];
  const guards = [`${fieldsOf('address')} @guarded ip daddr . ip protocol . th dport . ip saddr != @let-in drop`];
  return [
    chain('services', lookUp('frontends')),
    chain('nobody-there', [
      'ct state != new return',
      ...lookUp('idle'),
      // A cluster address has no other ports, and nobody beyond this host knows the way to it.
      'ct status ! dnat ip daddr @cluster-addresses fib daddr type != local goto refuse',
    ]),
    chain('guard-prerouting', ['type filter hook prerouting priority dstnat - 15; policy accept;', ...guards]),
    chain('guard-output', ['type filter hook output priority -115; policy accept;', ...guards]),
    chain('prerouting', ['type nat hook prerouting priority dstnat - 10; policy accept;', 'jump services']),
    chain('output', ['type nat hook output priority -110; policy accept;', 'jump services']),
    chain('postrouting', [
      'type nat hook postrouting priority srcnat - 10; policy accept;',
      'ct status dnat ip saddr . ip daddr @hairpin masquerade fully-random',
      `meta mark & ${masqueradeMark} == 0 return`,
      `meta mark set meta mark xor ${masqueradeMark}`,
      'masquerade fully-random',
    ]),
    ...['forward', 'output', 'input'].map((hook) =>
      chain(`refuse-${hook}`, [`type filter hook ${hook} priority filter - 10; policy accept;`, 'jump nobody-there']),
    ),
  ];
}

function chain(name: string, rules: readonly string[]): string {
  return [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'].join('\n');
}

function collection(kind: 'map' | 'set', name: string, lines: readonly string[]): string {
  return [`${kind} ${name} {`, ...lines.map((line) => `  ${line}`), '}'].join('\n');
}
