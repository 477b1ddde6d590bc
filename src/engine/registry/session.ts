import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { KindError, systemCode } from '../../base/errors.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import { basicOf, type Credentials } from './credentials.ts';
import { endpointsOf, type Endpoint, type RegistrySettings } from './endpoints.ts';
import { discard, goVerb, HttpConnections, readText, type Incoming, type Outgoing, type TlsFacts } from './exchange.ts';

/** Largest manifest or token answer: distribution's own limit. */
export const mostManifestBytes = 4 << 20;

export interface ConnectOptions {
  readonly settings: RegistrySettings;
  readonly purpose: 'pull' | 'push';
  readonly credentials: Credentials | undefined;
}

/** A conversation with one registry, authenticated as the registry asks for it. OCI distribution spec v1.1 with Docker's token authentication. */
export class RegistrySession implements Disposable {
  readonly base: string;
  readonly #connections: HttpConnections;
  readonly #credentials: Credentials | undefined;
  /** `Authorization` by scopes asked for. */
  readonly #shown = new Map<string, string>();

  private constructor(endpoint: Endpoint, settings: RegistrySettings, credentials: Credentials | undefined) {
    this.base = endpoint.base;
    this.#connections = new HttpConnections(tlsFacts(endpoint, settings), settings.proxies);
    this.#credentials = credentials;
  }

  /**
   * Sessions with the hosts that may serve the domain, mirrors first; of one host the first endpoint that answers.
   * Throws when none answers. The caller disposes each.
   */
  static async *connect(domain: string, options: ConnectOptions, signal: AbortSignal): AsyncGenerator<RegistrySession> {
    const answered = new Set<string>();
    let failed: unknown;
    for (const endpoint of endpointsOf(domain, options.settings, options.purpose)) {
      const { host } = new URL(endpoint.base);
      if (answered.has(host)) continue;
      // A mirror is not shown what was meant for Docker Hub.
      const isMirror = domain === 'docker.io' && host !== 'registry-1.docker.io';
      const session = new RegistrySession(endpoint, options.settings, isMirror ? undefined : options.credentials);
      try {
        await discard(await session.#connections.send(new URL(`${session.base}/v2/`), { method: 'GET' }, signal));
      } catch (error) {
        session[Symbol.dispose]();
        if (signal.aborted) throw error;
        failed = error;
        continue;
      }
      answered.add(host);
      yield session;
    }
    if (answered.size === 0) throw failed;
  }

  /** The first host that answers. */
  static async first(domain: string, options: ConnectOptions, signal: AbortSignal): Promise<RegistrySession> {
    for await (const session of RegistrySession.connect(domain, options, signal)) return session;
    throw new KindError('unavailable', `no endpoint for registry ${domain}`);
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }

  /** A request to a path (or a place the registry named), with what the registry wants shown for these scopes. */
  async send(place: string, outgoing: Outgoing, scopes: readonly string[], signal: AbortSignal): Promise<Incoming> {
    const url = new URL(place, this.base);
    const key = scopes.join(' ');
    const first = await this.#connections.send(url, this.#showing(outgoing, key, url), signal);
    if (first.status !== 401) return first;
    const challenge = parseChallenge([first.headers['www-authenticate'] ?? []].flat().join(', '));
    await discard(first);
    const shown = challenge && (await this.#answer(challenge, scopes, url, outgoing.method, signal));
    if (shown === undefined) throw new KindError('unauthorized', `${goVerb(outgoing.method)} "${url.href}": no basic auth credentials`);
    this.#shown.set(key, shown);
    return this.#connections.send(url, this.#showing(outgoing, key, url), signal);
  }

  #showing(outgoing: Outgoing, key: string, url: URL): Outgoing {
    const shown = this.#shown.get(key);
    if (shown === undefined || url.host !== new URL(this.base).host) return outgoing;
    return { ...outgoing, headers: { ...outgoing.headers, authorization: shown } };
  }

  async #answer(
    challenge: Challenge,
    scopes: readonly string[],
    url: URL,
    method: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const credentials = this.#credentials;
    if (credentials && 'registryToken' in credentials) return `Bearer ${credentials.registryToken}`;
    if (challenge.scheme === 'basic') return basicOf(credentials);
    const wanted = [...new Set([...challenge.scopes, ...scopes])];
    const answer = await this.#askToken(challenge, wanted, signal);
    if (answer.status === 200) {
      const { token, access_token: accessToken } = parsedToken(await readText(answer, mostManifestBytes));
      return `Bearer ${token ?? accessToken ?? ''}`;
    }
    await discard(answer);
    if (answer.status === 401 || answer.status === 403) {
      throw new KindError('unauthorized', `${goVerb(method)} "${url.href}": unauthorized: incorrect username or password`);
    }
    throw new KindError('unavailable', `Get "${challenge.realm}": the token server answered ${answer.status} ${answer.statusText}`);
  }

  #askToken(
    challenge: Extract<Challenge, { readonly scheme: 'bearer' }>,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<Incoming> {
    const url = new URL(challenge.realm);
    const credentials = this.#credentials;
    if (credentials && 'identityToken' in credentials) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: credentials.identityToken,
        client_id: 'docker',
        scope: scopes.join(' '),
      });
      if (challenge.service !== undefined) form.set('service', challenge.service);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return this.#connections.send(url, { method: 'POST', headers, body: Buffer.from(form.toString()) }, signal);
    }
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const basic = basicOf(credentials);
    if (credentials && 'username' in credentials && credentials.username !== undefined)
      url.searchParams.set('account', credentials.username);
    return this.#connections.send(url, { method: 'GET', headers: basic === undefined ? {} : { authorization: basic } }, signal);
  }
}

function parsedToken(text: string): { readonly token?: string; readonly access_token?: string } {
  try {
    return JSON.parse(text) as { readonly token?: string; readonly access_token?: string };
  } catch (error) {
    throw new KindError('unavailable', 'the token server answered no JSON', { cause: error });
  }
}

function tlsFacts(endpoint: Endpoint, settings: RegistrySettings): TlsFacts {
  const folder = join(settings.certificates, new URL(endpoint.base).host);
  const names = filesIn(folder);
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const ca = names.filter((name) => name.endsWith('.crt')).map(read);
  const authorities = ca.length === 0 ? [] : [...getCACertificates('default'), ...ca];
  const cert = names.find((name) => name.endsWith('.cert'));
  if (cert === undefined) return { verifies: endpoint.verifies, ca: authorities };
  return { verifies: endpoint.verifies, ca: authorities, certificate: { cert: read(cert), key: read(cert.replace(/\.cert$/, '.key')) } };
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
