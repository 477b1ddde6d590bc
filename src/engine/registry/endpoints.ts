import { BlockList, isIP } from 'node:net';
import type { Proxies } from './proxies.ts';

/** How registries are reached; the daemon's configuration. */
export interface RegistrySettings {
  /** Tried before Docker Hub, in order: `https://mirror.example`. */
  readonly mirrors: readonly string[];
  /** Hosts (`registry.lan:5000`) and address ranges (`10.0.0.0/8`) that may answer without a certificate that can be verified, or over plain HTTP. */
  readonly insecure: readonly string[];
  /** Folder with `<host:port>/{*.crt, client.cert, client.key}`. */
  readonly certificates: string;
  /** None: every host is reached directly. */
  readonly proxies?: Proxies;
}

export const defaultRegistrySettings: RegistrySettings = { mirrors: [], insecure: [], certificates: '/etc/docker/certs.d' };

/** One way of reaching a registry. */
export interface Endpoint {
  /** `https://registry-1.docker.io` */
  readonly base: string;
  /** False: any certificate will do. */
  readonly verifies: boolean;
}

const loopback: readonly string[] = ['127.0.0.0/8', '::1/128'];

/** Where to look for `domain`, best first. Docker Hub has mirrors; an insecure registry is tried over plain HTTP last. */
export function endpointsOf(domain: string, settings: RegistrySettings, purpose: 'pull' | 'push'): readonly Endpoint[] {
  if (domain === 'docker.io') {
    const mirrors = purpose === 'pull' ? settings.mirrors.map((mirror) => mirror.replace(/\/+$/, '')) : [];
    return [
      ...mirrors.map((base) => ({ base, verifies: !isInsecure(base.replace(/^https?:\/\//, ''), settings) })),
      { base: 'https://registry-1.docker.io', verifies: true },
    ];
  }
  if (!isInsecure(domain, settings)) return [{ base: `https://${domain}`, verifies: true }];
  return [
    { base: `https://${domain}`, verifies: false },
    { base: `http://${domain}`, verifies: false },
  ];
}

/** dockerd's rule: this machine itself always, others by configuration. */
export function isInsecure(domain: string, settings: RegistrySettings): boolean {
  const host = domain.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (host === 'localhost') return true;
  const rules = [...loopback, ...settings.insecure];
  return rules.some((rule) => (rule.includes('/') ? isInRange(rule, host) : rule === domain || rule === host));
}

/** Whether a host is an address in a range such as `10.0.0.0/8`. */
export function isInRange(range: string, host: string): boolean {
  const family = isIP(host);
  const [network = '', bits = ''] = range.split('/');
  if (family === 0 || isIP(network) !== family || !/^\d+$/.test(bits)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
