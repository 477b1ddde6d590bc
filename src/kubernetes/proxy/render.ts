import type { Backend, ServicePort } from './service-port.ts';

export const tableName = 'davit_proxy';

/** Set on packets whose source must become ours: hairpin, and what comes from outside the pod network. */
const masqueradeMark = '0x4000';

/**
 * The whole table as one nft transaction: delete and define, atomic in the kernel.
 *
 *   prerouting/output ─► services ─► (address . protocol . port) ─► service-x ─► (random) ─► endpoint-x ─► dnat
 *   postrouting: marked ─► masquerade         forward/output: a Service without endpoints ─► reject
 */
export function renderProxy(ports: readonly ServicePort[], options: { readonly podCidr: string }): string {
  const live = ports.filter((port) => port.backends.length > 0);
  const dead = ports.filter((port) => port.backends.length === 0);
  const addressed = (port: ServicePort): string[] => port.addresses.map((ip) => `${ip} . ${port.protocol} . ${port.port}`);
  const noded = (port: ServicePort): string[] => (port.nodePort === undefined ? [] : [`${port.protocol} . ${port.nodePort}`]);
  const lines = [
    ...collection(
      'map',
      'service_addresses',
      'ipv4_addr . inet_proto . inet_service : verdict',
      live.flatMap((port) => addressed(port).map((key) => `${key} : goto ${chainOf(port)}`)),
    ),
    ...collection(
      'map',
      'node_ports',
      'inet_proto . inet_service : verdict',
      live.flatMap((port) => noded(port).map((key) => `${key} : goto node-${chainOf(port)}`)),
    ),
    ...collection('set', 'dead_addresses', 'ipv4_addr . inet_proto . inet_service', dead.flatMap(addressed)),
    ...collection('set', 'dead_node_ports', 'inet_proto . inet_service', dead.flatMap(noded)),
    ...live.flatMap((port) => serviceChains(port, options.podCidr)),
    ...fixedChains,
  ];
  return [
    `add table ip ${tableName}`,
    `delete table ip ${tableName}`,
    `table ip ${tableName} {`,
    ...lines.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
}

const fixedChains: readonly string[] = [
  ...chain('services', [
    'ip daddr . meta l4proto . th dport vmap @service_addresses',
    'fib daddr type local meta l4proto . th dport vmap @node_ports',
  ]),
  ...chain('reject_dead', [
    // A pod's connect still holds its socket when an ICMP error comes straight back, and misses it until the first SYN is sent again, 1 s later: TCP gets a reset.
    'ct state new meta l4proto tcp ip daddr . meta l4proto . th dport @dead_addresses reject with tcp reset',
    'ct state new meta l4proto tcp fib daddr type local meta l4proto . th dport @dead_node_ports reject with tcp reset',
    'ct state new ip daddr . meta l4proto . th dport @dead_addresses reject',
    'ct state new fib daddr type local meta l4proto . th dport @dead_node_ports reject',
  ]),
  ...chain('prerouting', ['type nat hook prerouting priority dstnat - 10; policy accept;', 'jump services']),
  ...chain('output', ['type nat hook output priority -110; policy accept;', 'jump services']),
  ...chain('postrouting', [
    'type nat hook postrouting priority srcnat - 10; policy accept;',
    `meta mark & ${masqueradeMark} == 0 return`,
    `meta mark set meta mark xor ${masqueradeMark}`,
    'masquerade fully-random',
  ]),
  ...chain('reject_forward', ['type filter hook forward priority filter - 10; policy accept;', 'jump reject_dead']),
  ...chain('reject_output', ['type filter hook output priority filter - 10; policy accept;', 'jump reject_dead']),
  ...chain('reject_input', ['type filter hook input priority filter - 10; policy accept;', 'jump reject_dead']),
];

function serviceChains(port: ServicePort, podCidr: string): readonly string[] {
  const count = port.backends.length;
  const choices = port.backends.map((backend, index) => `${index} : goto ${endpointChain(port, backend)}`).join(', ');
  const mark = `meta mark set meta mark or ${masqueradeMark}`;
  return [
    ...port.backends.flatMap((backend) =>
      chain(endpointChain(port, backend), [
        `ip saddr ${backend.ip} ${mark}`,
        `meta l4proto ${port.protocol} dnat to ${backend.ip}:${backend.port}`,
      ]),
    ),
    ...chain(chainOf(port), [`ip saddr != ${podCidr} ${mark}`, `numgen random mod ${count} vmap { ${choices} }`]),
    ...(port.nodePort === undefined ? [] : chain(`node-${chainOf(port)}`, [mark, `goto ${chainOf(port)}`])),
  ];
}

function chainOf(port: ServicePort): string {
  return `service-${port.id}`;
}

function endpointChain(port: ServicePort, backend: Backend): string {
  return `endpoint-${port.id}-${backend.ip}/${backend.port}`;
}

function chain(name: string, rules: readonly string[]): readonly string[] {
  return [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'];
}

function collection(kind: 'map' | 'set', name: string, type: string, elements: readonly string[]): readonly string[] {
  const body = elements.length > 0 ? [`  elements = { ${elements.toSorted().join(', ')} }`] : [];
  return [`${kind} ${name} {`, `  type ${type}`, ...body, '}'];
}
