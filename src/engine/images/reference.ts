import { isDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';

/** An image's full name: `docker.io/library/nginx` with a tag, a digest, or both. https://github.com/distribution/reference */
export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const domainPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/** What users type; without tag and digest the tag is `latest`. `invalid`: `invalid reference format`. */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = split(text);
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const domain = hasDomain ? first : 'docker.io';
  const rest = hasDomain ? name.slice(slash + 1) : name;
  const isOfficial = (domain === 'docker.io' || domain === 'index.docker.io') && !rest.includes('/');
  const path = isOfficial ? `library/${rest}` : rest;
  if (rest !== rest.toLowerCase() && pathPattern.test(rest.toLowerCase())) {
    throw new KindError('invalid', 'invalid reference format: repository name (' + path + ') must be lowercase');
  }
  const isValid =
    domainPattern.test(domain) &&
    pathPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    path.length + domain.length < 255;
  if (!isValid || (digest !== undefined && !isDigest(digest)) || /^[0-9a-f]{64}$/.test(text))
    throw new KindError('invalid', `invalid reference format`);
  return {
    domain: domain === 'index.docker.io' ? 'docker.io' : domain,
    path,
    tag: tag ?? (digest === undefined ? 'latest' : undefined),
    digest: digest as Digest | undefined,
  };
}

/** `docker.io/library/nginx:1.27` */
export function canonicalName(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.domain}/${reference.path}${tag}${digest}`;
}

/** As Docker shows it, without what everybody knows: `nginx:1.27`. */
export function familiarName(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${familiarRepository(reference)}${tag}${digest}`;
}

/** `nginx` */
export function familiarRepository(reference: Reference): string {
  if (reference.domain !== 'docker.io') return `${reference.domain}/${reference.path}`;
  return /^library\/[^/]+$/.test(reference.path) ? reference.path.slice('library/'.length) : reference.path;
}

function split(text: string): { readonly name: string; readonly tag: string | undefined; readonly digest: string | undefined } {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  return { name: hasTag ? named.slice(0, colon) : named, tag: hasTag ? named.slice(colon + 1) : undefined, digest };
}
