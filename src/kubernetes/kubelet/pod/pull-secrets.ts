import type { Secret } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { parseReference } from '../../../engine/images/reference.ts';

export interface PullCredentials {
  readonly username: string;
  readonly password: string;
}

interface Entry {
  readonly username?: string;
  readonly password?: string;
  /** base64(username:password); goes before the two. */
  readonly auth?: string;
}

const hub = 'index.docker.io';

/**
 * What secrets of the types kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg say for an image, the nearest first:
 *
 *   registry.example.com/team   images below that path
 *   https://registry.example.com:5000/v2/   scheme and API version are nothing to it
 *   *.example.com   one label
 *
 * kubernetes.io/docs/concepts/containers/images/#config-json. Throws `invalid` for a secret that cannot be read.
 */
export function credentialsFor(image: string, secrets: readonly Secret[]): readonly PullCredentials[] {
  const { domain, path } = parseReference(image);
  const entries = secrets.flatMap(entriesOf).map(([place, credentials]) => ({ place: placeOf(place), credentials }));
  const nearest = entries.toSorted((a, b) => (a.place === b.place ? 0 : a.place < b.place ? 1 : -1));
  const found = nearest.filter(({ place }) => isMeant(place, `${domain}/${path}`));
  const fallback = domain === 'docker.io' && found.length === 0 ? entries.filter(({ place }) => place === hub) : [];
  return [...found, ...fallback].map(({ credentials }) => credentials);
}

function entriesOf(secret: Secret): readonly (readonly [string, PullCredentials])[] {
  const key = keys[secret.type ?? ''];
  const encoded = key === undefined ? undefined : secret.data?.[key];
  if (key === undefined || encoded === undefined) return [];
  const file = objectIn(secret, key, Buffer.from(encoded, 'base64').toString('utf8'));
  const auths = key === '.dockercfg' ? file : ((file['auths'] ?? {}) as Readonly<Record<string, unknown>>);
  return Object.entries(auths).map(([place, entry]) => [place, credentialsOf(secret, entry as Entry)]);
}

const keys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

function objectIn(secret: Secret, key: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // The parser's words would quote the secret.
  }
  throw invalid(secret, `${key} is no JSON object`);
}

function credentialsOf(secret: Secret, { username = '', password = '', auth }: Entry): PullCredentials {
  if (!auth) return { username, password };
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalid(secret, 'unable to parse auth field, must be formatted as base64(username:password)');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function invalid(secret: Secret, why: string): KindError {
  return new KindError('invalid', `pull secret "${secret.metadata.name}": ${why}`);
}

/** `https://registry.example.com/v2/` → `registry.example.com` */
function placeOf(url: string): string {
  return url
    .replace(/^https?:\/\//, '')
    .replace(/^([^/]+)\/v[12](?=\/|$)/, '$1')
    .replace(/\/+$/, '');
}

function isMeant(place: string, image: string): boolean {
  const [host, path] = split(place);
  const [imageHost, imagePath] = split(image);
  const labels = host.split('.');
  const imageLabels = imageHost.split('.');
  if (labels.length !== imageLabels.length || !imagePath.startsWith(path)) return false;
  return labels.every((label, index) => glob(label).test(imageLabels[index] ?? ''));
}

function split(place: string): readonly [string, string] {
  const slash = place.indexOf('/');
  return slash < 0 ? [place, ''] : [place.slice(0, slash), place.slice(slash)];
}

function glob(label: string): RegExp {
  return new RegExp(`^${label.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')}$`);
}
