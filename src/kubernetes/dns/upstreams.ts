import { isIP } from 'node:net';
import type { ConfigMap } from '../../api/kubernetes/types.generated.ts';

export interface Resolver {
  readonly address: string;
  readonly port: number;
}

/** Who is asked for what is not in the cluster's zone. */
export interface Upstreams {
  /** By domain, lower-case: `acme.local` and everything below it. */
  readonly stubDomains: ReadonlyMap<string, readonly Resolver[]>;
  /** For the rest; undefined: the host's. */
  readonly nameservers: readonly Resolver[] | undefined;
}

export const hostUpstreams: Upstreams = { stubDomains: new Map(), nameservers: undefined };

/**
 * ConfigMap kube-system/kube-dns, as cluster DNS has long been configured:
 *
 *   stubDomains: '{"acme.local": ["10.0.0.2", "10.0.0.3:5353"]}'      upstreamNameservers: '["8.8.8.8"]'
 *
 * What is no resolver is left out and named in `problems`.
 */
export function parseUpstreams(map: ConfigMap | undefined): { readonly upstreams: Upstreams; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const read = (field: string): unknown => {
    try {
      return JSON.parse(map?.data?.[field] || 'null');
    } catch {
      problems.push(`${field} is not JSON`);
      return undefined;
    }
  };
  const resolvers = (field: string, values: unknown): readonly Resolver[] =>
    (Array.isArray(values) ? values : []).flatMap((value) => {
      const resolver = parseResolver(String(value));
      if (!resolver) problems.push(`${field}: "${String(value)}" is no address`);
      return resolver ? [resolver] : [];
    });
  const stubs = Object.entries((read('stubDomains') ?? {}) as Record<string, unknown>).map(
    ([domain, values]) => [domain.toLowerCase().replace(/\.$/, ''), resolvers('stubDomains', values)] as const,
  );
  const nameservers = resolvers('upstreamNameservers', read('upstreamNameservers'));
  return { upstreams: { stubDomains: new Map(stubs), nameservers: nameservers.length > 0 ? nameservers : undefined }, problems };
}

/** `10.0.0.2`, `10.0.0.2:5353`, `2001:db8::1`. */
export function parseResolver(text: string): Resolver | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const [, address = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(port) > 0 && Number(port) < 65_536 ? { address, port: Number(port) } : undefined;
}

/** The longest domain that holds the name wins. */
export function resolversFor({ stubDomains, nameservers }: Upstreams, name: string, host: () => readonly Resolver[]): readonly Resolver[] {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  for (const [index] of labels.entries()) {
    const stub = stubDomains.get(labels.slice(index).join('.'));
    if (stub) return stub;
  }
  return nameservers ?? host();
}
