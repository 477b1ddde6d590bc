/** Texts of the files that a container gets over its own /etc. Pure. */

const standardHosts = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** `extra` as `name:address`, dockerd's form; `host-gateway` is the default bridge's address. */
export function renderHosts(options: {
  readonly hostname: string;
  readonly domainname?: string | undefined;
  readonly addresses: readonly string[];
  readonly extra: readonly string[];
  readonly hostGateway: string | undefined;
  /** Whole lines. */
  readonly lines?: readonly string[];
}): string {
  const extra = options.extra.map((entry) => {
    const separator = entry.includes('=') ? entry.indexOf('=') : entry.indexOf(':');
    const address = entry.slice(separator + 1);
    return `${address === 'host-gateway' ? (options.hostGateway ?? '127.0.0.1') : address}\t${entry.slice(0, separator)}`;
  });
  const full = options.domainname ? `${options.hostname}.${options.domainname}` : options.hostname;
  // The name before its first dot as well.
  const names = [...new Set([full, options.domainname ? options.hostname : (full.split('.')[0] ?? full)])].join(' ');
  const own = options.addresses.map((address) => `${address}\t${names}`);
  return `${[...standardHosts, ...extra, ...(options.lines ?? []), ...own].join('\n')}\n`;
}

export interface DnsSettings {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(text: string): DnsSettings {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const valuesOf = (keyword: string): readonly string[] => lines.filter(([first]) => first === keyword).flatMap(([, ...rest]) => rest);
  const search = lines.findLast(([first]) => first === 'search' || first === 'domain')?.slice(1) ?? [];
  return { servers: valuesOf('nameserver'), search, options: valuesOf('options') };
}

export function renderResolvConf({ servers, search, options }: DnsSettings): string {
  const lines = [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Servers that a container can reach: the host's without its loopback ones; Google's when none is left, as dockerd does. */
export function reachableServers(host: DnsSettings): readonly string[] {
  const usable = host.servers.filter((server) => !/^(127\.|::1$)/.test(server));
  return usable.length > 0 ? usable : ['8.8.8.8', '8.8.4.4'];
}

/** What a container asks for wins over the host's; on networks with embedded DNS the server is 127.0.0.11. */
export function resolvConfFor(
  own: Partial<DnsSettings>,
  host: DnsSettings,
  options: { readonly embedded: boolean; readonly hostNetwork: boolean },
): DnsSettings {
  const given = own.servers?.length ? own.servers : undefined;
  const search = own.search?.length ? own.search.filter((domain) => domain !== '.') : host.search;
  const wanted = own.options?.length ? own.options : host.options;
  if (options.embedded) {
    const hasNdots = wanted.some((option) => option.startsWith('ndots:'));
    return { servers: ['127.0.0.11'], search, options: hasNdots ? wanted : [...wanted, 'ndots:0'] };
  }
  return { servers: given ?? (options.hostNetwork ? host.servers : reachableServers(host)), search, options: wanted };
}
