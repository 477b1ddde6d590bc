import { isIP } from 'node:net';
import { isInRange } from './endpoints.ts';

/** HTTP proxies as the environment names them: URLs, and what is reached without one. */
export interface Proxies {
  readonly http: string;
  readonly https: string;
  /** `.example.com,10.0.0.0/8,registry.lan:5000` or `*`. */
  readonly no: string;
}

export const noProxies: Proxies = { http: '', https: '', no: '' };

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in small letters. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): Proxies {
  const value = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
  return { http: value('HTTP_PROXY'), https: value('HTTPS_PROXY'), no: value('NO_PROXY') };
}

/** The proxy for a URL, by the rules of Go's httpproxy: this machine itself never, NO_PROXY by domain, address, range and port. */
export function proxyFor(url: URL, proxies: Proxies): string | undefined {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === '') return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const isLoopback = host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const rules = proxies.no.split(',').map((rule) => rule.trim().toLowerCase());
  if (isLoopback || rules.some((rule) => rule !== '' && excludes(rule, host, port))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function excludes(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true;
  if (rule.includes('/')) return isInRange(rule, host);
  const [, name = rule, rulePort] = /^\[?([^[\]]*?)\]?(?::(\d+))?$/.exec(isIP(rule) === 6 ? `[${rule}]` : rule) ?? [];
  if (rulePort !== undefined && rulePort !== port) return false;
  if (isIP(name) > 0 || isIP(host) > 0) return name === host;
  // `example.com` is itself and what is below, `.example.com` and `*.example.com` only what is below.
  const below = name.replace(/^\*?\./, '');
  return host.endsWith(`.${below}`) || (below === name && host === name);
}

/** As `docker info` shows a proxy: nobody's password. */
export function withoutPassword(proxy: string): string {
  return proxy.replace(/^([a-z]+:\/\/)?[^/@]*@/, '$1xxxxx:xxxxx@');
}
