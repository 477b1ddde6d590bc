/** What a registry wants to be shown, from `WWW-Authenticate`. RFC 9110 §11.6.1. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string | undefined; readonly scopes: readonly string[] };

/** `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"`; undefined: none that we know. */
export function parseChallenge(header: string): Challenge | undefined {
  const bearer = /\bbearer\b\s*(.*)$/is.exec(header);
  if (bearer) {
    const fields = new Map(
      [...(bearer[1] ?? '').matchAll(/(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/g)].map((match) => [match[1] ?? '', match[2] ?? match[3] ?? '']),
    );
    const realm = fields.get('realm');
    if (realm === undefined || !URL.canParse(realm)) return undefined;
    return { scheme: 'bearer', realm, service: fields.get('service'), scopes: (fields.get('scope') ?? '').split(' ').filter(Boolean) };
  }
  return /\bbasic\b/i.test(header) ? { scheme: 'basic' } : undefined;
}
