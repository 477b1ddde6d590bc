import type { SandboxSpec } from '../../../engine/containers/sandboxes.ts';

/** The host's resolv.conf(5) as pods with dnsPolicy Default get it: resolvers that only the host can reach are left out. */
export function hostDns(resolvConf: string): SandboxSpec['dns'] {
  const words = (keyword: string): readonly string[] =>
    resolvConf
      .split('\n')
      .filter((line) => line.trimStart().startsWith(`${keyword} `))
      .flatMap((line) => line.trim().split(/\s+/).slice(1));
  return {
    servers: words('nameserver').filter((server) => !server.startsWith('127.') && server !== '::1'),
    search: words('search').filter((domain) => domain !== '.'),
    options: words('options'),
  };
}
