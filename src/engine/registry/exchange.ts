import { once } from 'node:events';
import { request as httpRequest, Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { KindError, messageOf, systemCode } from '../../base/errors.ts';
import { noProxies, proxyFor, type Proxies } from './proxies.ts';

/** How a server proves itself, and we to it. */
export interface TlsFacts {
  readonly verifies: boolean;
  /** PEM; none: those that Node trusts. */
  readonly ca: readonly string[];
  readonly certificate?: { readonly cert: string; readonly key: string };
}

export interface Outgoing {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface Incoming {
  readonly url: URL;
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Nothing heard for so long is a dead connection. */
const silenceMs = 60_000;
const mostRedirects = 5;

/** HTTP with kept connections: what talking to one registry needs. */
export class HttpConnections implements Disposable {
  readonly #tls: TlsFacts;
  readonly #proxies: Proxies;
  /** By scheme and proxy. */
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();

  constructor(tls: TlsFacts, proxies: Proxies = noProxies) {
    this.#tls = tls;
    this.#proxies = proxies;
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #agentFor(url: URL): HttpAgent | HttpsAgent {
    const proxy = proxyFor(url, this.#proxies);
    const key = `${url.protocol} ${proxy ?? ''}`;
    const agent = this.#agents.get(key) ?? this.#newAgent(url.protocol, proxy);
    this.#agents.set(key, agent);
    return agent;
  }

  #newAgent(protocol: string, proxy: string | undefined): HttpAgent | HttpsAgent {
    const common = { keepAlive: true, ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }) };
    if (protocol !== 'https:') return new HttpAgent(common);
    const { verifies, ca, certificate } = this.#tls;
    return new HttpsAgent({ ...common, rejectUnauthorized: verifies, ...(ca.length > 0 ? { ca: [...ca] } : {}), ...certificate });
  }

  /** One request; GET and HEAD follow redirects, which do not get the authorization of another host. */
  async send(url: URL, outgoing: Outgoing, signal: AbortSignal): Promise<Incoming> {
    let [target, headers] = [url, outgoing.headers ?? {}];
    for (let turns = 0; ; turns += 1) {
      const incoming = await this.#once(target, { ...outgoing, headers }, signal);
      const { location } = incoming.headers;
      const isRedirect = [301, 302, 303, 307, 308].includes(incoming.status) && (outgoing.method === 'GET' || outgoing.method === 'HEAD');
      if (!isRedirect || location === undefined) return incoming;
      await discard(incoming);
      if (turns === mostRedirects)
        throw new KindError('unavailable', `${goVerb(outgoing.method)} "${url.href}": stopped after ${turns} redirects`);
      const next = new URL(location, target);
      if (next.host !== target.host)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
      target = next;
    }
  }

  async #once(url: URL, { method, headers, body }: Outgoing, signal: AbortSignal): Promise<Incoming> {
    const isSecure = url.protocol === 'https:';
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = {
      method,
      headers: { 'user-agent': 'davit', ...headers, ...length },
      agent: this.#agentFor(url),
    };
    const request = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
    // Not by the `signal` option: that would follow the connection into the pool, and end it there with an error that nobody hears.
    // Without an error: an answer that has come whole lets go of its connection first, which would then have an error that nobody hears.
    const onAbort = (): void => void request.destroy();
    request.on('error', () => undefined).once('close', () => signal.removeEventListener('abort', onAbort));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let heard: IncomingMessage | undefined;
    request.once('response', (response) => (heard = response));
    request.setTimeout(silenceMs, () => {
      // What has come whole waits for its reader, not for the registry.
      if (heard?.complete !== true) request.destroy(new Error(`nothing heard for ${silenceMs / 1000} s`));
    });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    try {
      request.end(body);
      const [response] = await answered;
      return { url, status: response.statusCode ?? 0, statusText: response.statusMessage ?? '', headers: response.headers, body: response };
    } catch (error) {
      request.destroy();
      throw failure(error, method, url, signal);
    }
  }
}

/** Lets an answer's body go without keeping its connection busy. */
export async function discard(incoming: Incoming): Promise<void> {
  incoming.body.on('error', () => undefined);
  incoming.body.resume();
  if (!incoming.body.readableEnded && !incoming.body.destroyed) await once(incoming.body, 'close').catch(() => undefined);
}

/** A body that has to fit in memory. */
export async function readText(incoming: Incoming, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) throw new KindError('invalid', `${incoming.url.pathname}: the registry answered more than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof KindError) throw error;
    throw new KindError('unavailable', `Get "${incoming.url.href}": unexpected EOF (${messageOf(error)})`, { cause: error });
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `Get "https://…"`: how Go's client begins its errors, which is what people know from dockerd. */
export function goVerb(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase();
}

function failure(error: unknown, method: string, url: URL, signal: AbortSignal): KindError {
  if (signal.aborted) return new KindError('canceled', 'operation canceled', { cause: error });
  if (error instanceof KindError) return error;
  const isPlain = (error as { code?: unknown }).code === 'EPROTO' || /wrong version number|packet length too long/.test(messageOf(error));
  const text = isPlain && url.protocol === 'https:' ? 'http: server gave HTTP response to HTTPS client' : causeOf(error, url);
  return new KindError('unavailable', `${goVerb(method)} "${url.href}": ${text}`, { cause: error });
}

/** In Go's words, which is what people know from dockerd; several addresses tried give one error without a text of its own. */
function causeOf(error: unknown, url: URL): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { address, port } = first as { readonly address?: string; readonly port?: number };
  if (systemCode(first) === 'ENOTFOUND' || systemCode(first) === 'EAI_AGAIN') return `dial tcp: lookup ${url.hostname}: no such host`;
  if (systemCode(first) === 'ECONNREFUSED') return `dial tcp ${address ?? url.hostname}:${port ?? url.port}: connect: connection refused`;
  return messageOf(first);
}
