import { digestOf, type Digest } from '../../base/digest.ts';
import { KindError, messageOf } from '../../base/errors.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const answerMs = 30_000;

/** Reads one repository of a registry. OCI distribution spec v1.1, with Docker's token authentication. */
export class RegistryClient {
  readonly #base: string;
  readonly #path: string;
  readonly #credentials: Credentials | undefined;
  #authorization: string | undefined;

  private constructor(base: string, path: string, credentials: Credentials | undefined) {
    this.#base = base;
    this.#path = path;
    this.#credentials = credentials;
  }

  /** Finds out how the registry speaks: HTTPS, or plain HTTP on this machine alone (127.0.0.0/8, localhost), as dockerd does. */
  static async connect(domain: string, path: string, credentials: Credentials | undefined, signal: AbortSignal): Promise<RegistryClient> {
    const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
    const secure = new RegistryClient(`https://${host}`, path, credentials);
    try {
      await secure.#ping(signal);
      return secure;
    } catch (error) {
      if (!/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host) || signal.aborted) throw error;
      const plain = new RegistryClient(`http://${host}`, path, credentials);
      await plain.#ping(signal);
      return plain;
    }
  }

  /** A manifest or index by tag or digest; its own digest is verified when that is how it was asked for. */
  async manifest(
    reference: string,
    accept: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly digest: Digest; readonly mediaType: string }> {
    const response = await this.#get(`manifests/${reference}`, { accept: accept.join(', ') }, signal);
    const text = await response.text();
    const digest = digestOf(text);
    if (reference.startsWith('sha256:') && digest !== reference)
      throw new KindError('invalid', `registry answered manifest ${digest} for ${reference}`);
    return { text, digest, mediaType: response.headers.get('content-type')?.split(';')[0] ?? '' };
  }

  /** A blob as it comes; the caller verifies it. */
  async blob(digest: Digest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#get(`blobs/${digest}`, {}, signal);
    if (!response.body) throw new KindError('unavailable', `registry answered blob ${digest} without a body`);
    return response.body;
  }

  async #ping(signal: AbortSignal): Promise<void> {
    await (await this.#fetch('/v2/', {}, signal)).body?.cancel();
  }

  async #get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const first = await this.#fetch(`/v2/${this.#path}/${path}`, headers, signal);
    if (first.status !== 401) return this.#checked(first);
    await first.body?.cancel();
    this.#authorization = await this.#authorize(first.headers.get('www-authenticate') ?? '', signal);
    return this.#checked(await this.#fetch(`/v2/${this.#path}/${path}`, headers, signal));
  }

  async #checked(response: Response): Promise<Response> {
    if (response.ok) return response;
    await response.body?.cancel();
    const name = this.#path.replace(/^library\//, '');
    if (response.status === 401 || response.status === 403) {
      throw new KindError(
        'notFound',
        `pull access denied for ${name}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      );
    }
    if (response.status === 404) throw new KindError('notFound', `${new URL(response.url).pathname} not found: blob unknown to registry`);
    if (response.status === 429)
      throw new KindError('tooMany', `${new URL(response.url).host}: toomanyrequests: you have reached the pull rate limit`);
    throw new KindError(
      'unavailable',
      `received unexpected HTTP status from ${new URL(response.url).host}: ${response.status} ${response.statusText}`,
    );
  }

  async #fetch(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    return request(
      `${this.#base}${path}`,
      { ...headers, ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }) },
      signal,
    );
  }

  /** `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"` */
  async #authorize(challenge: string, signal: AbortSignal): Promise<string | undefined> {
    const basic =
      this.#credentials && `Basic ${Buffer.from(`${this.#credentials.username}:${this.#credentials.password}`).toString('base64')}`;
    if (/^basic\b/i.test(challenge)) return basic;
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]));
    if (fields.realm === undefined) return basic;
    const url = new URL(fields.realm);
    if (fields.service !== undefined) url.searchParams.set('service', fields.service);
    url.searchParams.set('scope', fields.scope ?? `repository:${this.#path}:pull`);
    const response = await request(url.href, basic === undefined ? {} : { authorization: basic }, signal);
    if (!response.ok) {
      await response.body?.cancel();
      throw new KindError('unauthorized', `Get "${url.origin}${url.pathname}": unauthorized: incorrect username or password`);
    }
    const answer = (await response.json()) as { readonly token?: string; readonly access_token?: string };
    return `Bearer ${answer.token ?? answer.access_token ?? ''}`;
  }
}

/** Waits for the answer's head only so long; its body may take as long as it flows. */
async function request(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(new Error(`no answer within ${answerMs / 1000} s`)), answerMs);
  try {
    return await fetch(url, { headers, signal: AbortSignal.any([signal, slow.signal]) });
  } catch (error) {
    if (signal.aborted) throw new KindError('canceled', 'operation canceled');
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new KindError('unavailable', `Get "${url}": ${cause}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
