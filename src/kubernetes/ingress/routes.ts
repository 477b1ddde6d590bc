/** What the gateway does with requests; plain data, since it is sent to the gateway's thread. */
export interface Routes {
  /** By host, lower-case: `shop.example`, `*.example`; `''`: every other host. */
  readonly hosts: ReadonlyMap<string, readonly Path[]>;
  /** For what no path takes. */
  readonly fallback: Target | undefined;
  readonly certificates: readonly Certificate[];
}

export interface Path {
  readonly path: string;
  readonly match: 'exact' | 'prefix';
  readonly target: Target;
}

/** The endpoints behind a Service's port; none: 503. */
export interface Target {
  /** `shop/web:80`, for messages. */
  readonly name: string;
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
}

export interface Certificate {
  /** As in `spec.tls[].hosts`; empty: for every host. */
  readonly hosts: readonly string[];
  /** PEM */
  readonly cert: string;
  readonly key: string;
}

export const noRoutes: Routes = { hosts: new Map(), fallback: undefined, certificates: [] };

/**
 * Where a request goes. The most particular host decides (itself, then one label wild, then any), in it an exact path
 * before the longest prefix; what its paths do not take goes to the fallback.
 */
export function targetFor(routes: Routes, host: string, url: string): Target | undefined {
  const path = url.split('?', 1)[0] ?? '/';
  for (const name of hostNames(host)) {
    const paths = routes.hosts.get(name);
    if (paths) return bestPath(paths, path)?.target ?? routes.fallback;
  }
  return routes.fallback;
}

/** `a.b.example` → itself, `*.b.example`, any. */
function hostNames(host: string): readonly string[] {
  const [name = ''] = host.toLowerCase().split(':');
  const dot = name.indexOf('.');
  return [name, ...(dot > 0 ? [`*${name.slice(dot)}`] : []), ''];
}

function bestPath(paths: readonly Path[], path: string): Path | undefined {
  const exact = paths.find((one) => one.match === 'exact' && one.path === path);
  if (exact) return exact;
  const prefixes = paths.filter((one) => one.match === 'prefix' && hasPrefix(path, one.path));
  return prefixes.reduce<Path | undefined>((best, one) => (best && best.path.length >= one.path.length ? best : one), undefined);
}

/** By whole elements: `/a` and `/a/` take `/a`, `/a/` and `/a/b`, but not `/ab`. */
function hasPrefix(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, '');
  return path === bare || path.startsWith(`${bare}/`);
}

/** The certificate of a TLS handshake for a server name; the most particular wins. */
export function certificateFor(certificates: readonly Certificate[], serverName: string): Certificate | undefined {
  for (const name of hostNames(serverName)) {
    const found = certificates.find(({ hosts }) => (name === '' ? hosts.length === 0 : hosts.includes(name)));
    if (found) return found;
  }
  return undefined;
}
