import { digestOf, parseDigest, type Digest } from '../../base/digest.ts';
import { isKind, KindError } from '../../base/errors.ts';
import { discard, goVerb, readText, type Incoming, type Outgoing } from './exchange.ts';
import { mostManifestBytes, type RegistrySession } from './session.ts';
import { Upload } from './upload.ts';

const mostTries = 3;

export interface RemoteManifest {
  readonly text: string;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** One repository of a registry: what the OCI distribution spec v1.1 offers, one method per endpoint. */
export class Repository {
  readonly #session: RegistrySession;
  /** `team/app` */
  readonly path: string;
  readonly #scopes: readonly string[];

  constructor(session: RegistrySession, path: string, actions: 'pull' | 'pull,push') {
    this.#session = session;
    this.path = path;
    this.#scopes = [`repository:${path}:${actions}`];
  }

  /** A manifest or index by tag or digest; its own digest is verified when that is how it was asked for. */
  async manifest(reference: string, accept: readonly string[], signal: AbortSignal): Promise<RemoteManifest> {
    const { text, answer } = await this.#text(`manifests/${reference}`, { accept: accept.join(', ') }, signal);
    const digest = digestOf(text);
    if (reference.startsWith('sha256:') && digest !== reference)
      throw new KindError(
        'invalid',
        `manifest verification failed for digest ${reference}: the registry answered content with digest ${digest}`,
      );
    return { text, digest, mediaType: answer.headers['content-type']?.split(';')[0] ?? '' };
  }

  async tags(signal: AbortSignal): Promise<readonly string[]> {
    const tags: string[] = [];
    for (let place: string | undefined = `/v2/${this.path}/tags/list?n=1000`; place !== undefined;) {
      const answer: Incoming = await this.#checked(await this.#session.send(place, { method: 'GET' }, this.#scopes, signal), 'GET');
      tags.push(...((JSON.parse(await readText(answer, mostManifestBytes)) as { readonly tags?: readonly string[] | null }).tags ?? []));
      // `</v2/x/tags/list?n=1000&last=b>; rel="next"`
      place = /<([^>]+)>\s*;\s*rel="?next"?/.exec([answer.headers.link ?? []].flat().join())?.[1];
    }
    return tags;
  }

  /** A blob from byte `from` on, as it comes; the caller verifies it. The answer may start at 0 all the same. */
  async blob(digest: Digest, from: number, signal: AbortSignal): Promise<{ readonly start: number; readonly body: AsyncIterable<Buffer> }> {
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const answer = await this.#ok(`blobs/${digest}`, { method: 'GET', headers }, signal);
    const start = answer.status === 206 ? Number(/^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1] ?? from) : 0;
    return { start, body: answer.body };
  }

  async blobText(digest: Digest, signal: AbortSignal): Promise<string> {
    const { text } = await this.#text(`blobs/${digest}`, {}, signal);
    if (digestOf(text) === digest) return text;
    throw new KindError('invalid', `blob ${digest}: verification failed: the registry answered content with digest ${digestOf(text)}`);
  }

  async has(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#session.send(`/v2/${this.path}/blobs/${digest}`, { method: 'HEAD' }, this.#scopes, signal);
    await discard(answer);
    return answer.status === 200;
  }

  async hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#session.send(`/v2/${this.path}/manifests/${digest}`, { method: 'HEAD' }, this.#scopes, signal);
    await discard(answer);
    return answer.status === 200;
  }

  /** Asks the registry to take the blob from another of its repositories. False: an upload is called for; what the attempt opened is closed. */
  async mount(digest: Digest, from: string, signal: AbortSignal): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const scopes = [...this.#scopes, `repository:${from}:pull`];
    const answer = await this.#session.send(`/v2/${this.path}/blobs/uploads/?${query.toString()}`, { method: 'POST' }, scopes, signal);
    await discard(answer);
    if (answer.status === 201) return true;
    if (answer.status === 202 && answer.headers.location !== undefined) await this.#cancel(answer.headers.location, signal);
    return false;
  }

  /** A blob that is at hand: one PUT. */
  async upload(data: Uint8Array, signal: AbortSignal): Promise<Digest> {
    const digest = digestOf(data);
    await this.#finish(await this.#begin(signal), digest, data, signal);
    return digest;
  }

  /** A blob of unknown size and digest: sent as it is made, closed with the digest that `done` tells afterwards. Goes on where a connection broke. */
  async uploadStream(source: AsyncIterable<Uint8Array>, done: () => Digest, signal: AbortSignal): Promise<void> {
    const upload = new Upload(await this.#begin(signal), {
      send: async (place, outgoing) => this.#checked(await this.#session.send(place, outgoing, this.#scopes, signal), outgoing.method),
      has: (digest) => this.has(digest, signal),
      signal,
    });
    try {
      await upload.send(source);
      await upload.finish(done());
    } catch (error) {
      if (!signal.aborted) await this.#cancel(upload.place, signal).catch(() => undefined);
      throw error;
    }
  }

  /** Stores a manifest under a tag or digest. */
  async putManifest(reference: string, text: string, mediaType: string, signal: AbortSignal): Promise<void> {
    const outgoing: Outgoing = { method: 'PUT', headers: { 'content-type': mediaType }, body: Buffer.from(text) };
    await discard(await this.#ok(`manifests/${reference}`, outgoing, signal));
  }

  /** A document; asked for again when the connection breaks under it. */
  async #text(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly answer: Incoming }> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#ok(path, { method: 'GET', headers }, signal);
      try {
        return { text: await readText(answer, 2 * mostManifestBytes), answer };
      } catch (error) {
        if (!isKind(error, 'unavailable') || tries === mostTries || signal.aborted) throw error;
      }
    }
  }

  async #begin(signal: AbortSignal): Promise<string> {
    const answer = await this.#ok('blobs/uploads/', { method: 'POST', body: Buffer.alloc(0) }, signal);
    await discard(answer);
    if (answer.headers.location !== undefined) return answer.headers.location;
    throw new KindError('unavailable', `registry ${answer.url.host} began an upload without saying where to send it`);
  }

  async #finish(place: string, digest: Digest, data: Uint8Array, signal: AbortSignal): Promise<void> {
    const url = new URL(place, this.#session.base);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await this.#checked(
      await this.#session.send(url.href, { method: 'PUT', headers, body: data }, this.#scopes, signal),
      'PUT',
    );
    await discard(answer);
    const stored = answer.headers['docker-content-digest'];
    if (typeof stored === 'string' && parseDigest(stored) !== digest)
      throw new KindError('unavailable', `registry ${url.host} stored blob ${digest} as ${stored}`);
  }

  async #cancel(place: string, signal: AbortSignal): Promise<void> {
    await discard(await this.#session.send(place, { method: 'DELETE' }, this.#scopes, signal));
  }

  async #ok(path: string, outgoing: Outgoing, signal: AbortSignal): Promise<Incoming> {
    return this.#checked(await this.#session.send(`/v2/${this.path}/${path}`, outgoing, this.#scopes, signal), outgoing.method);
  }

  async #checked(answer: Incoming, method: Outgoing['method']): Promise<Incoming> {
    if (answer.status >= 200 && answer.status < 300) return answer;
    const said = errorsIn(await readText(answer, mostManifestBytes).catch(() => ''));
    const { host, pathname } = answer.url;
    if (answer.status === 401 || answer.status === 403) {
      const name = this.path.replace(/^library\//, '');
      if (method !== 'GET')
        throw new KindError(
          'forbidden',
          `${answer.status === 401 ? 'unauthorized' : 'denied'}: ${said ?? 'requested access to the resource is denied'}`,
        );
      throw new KindError(
        'notFound',
        `pull access denied for ${name}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      );
    }
    if (answer.status === 404) throw new KindError('notFound', `${pathname} not found: ${said ?? 'blob unknown to registry'}`);
    if (answer.status === 429)
      throw new KindError('tooMany', `${host}: toomanyrequests: ${said ?? 'you have reached the pull rate limit'}`);
    const kind = answer.status >= 500 ? 'unavailable' : 'invalid';
    const text = `received unexpected HTTP status from ${host}: ${answer.status} ${answer.statusText}${said === undefined ? '' : `: ${said}`}`;
    throw new KindError(kind, `${goVerb(method)} "${answer.url.href}": ${text}`);
  }
}

/** `{"errors":[{"code":"DENIED","message":"…"}]}`: what registries say of a refusal. */
function errorsIn(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { readonly errors?: readonly { readonly code?: string; readonly message?: string }[] };
    const messages = (errors ?? []).map(({ code, message }) => message ?? code ?? '').filter(Boolean);
    return messages.length > 0 ? messages.join('; ') : undefined;
  } catch {
    return undefined;
  }
}
