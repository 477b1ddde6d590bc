import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newUid } from '../../base/ids.ts';
import type { Target } from './routes.ts';

const connectMs = 5_000;
/** Nothing heard of the pod for so long: 504. */
const silenceMs = 60_000;
/** Of this hop only, RFC 9110 §7.6.1. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS']);

type Endpoint = Target['endpoints'][number];

/** Sends requests on to the endpoints of a target in turn. */
export class Forwarder implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: 'lifo' });
  #turn = 0;

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  request(request: IncomingMessage, response: ServerResponse, target: Target | undefined): void {
    const order = this.#order(target);
    if (order.length === 0) refuse(request, response, target);
    else this.#attempt(request, response, order);
  }

  /** WebSocket and whatever else leaves HTTP: after the handshake bytes go both ways untouched. */
  upgrade(request: IncomingMessage, client: Duplex, head: Buffer, target: Target | undefined): void {
    client.on('error', () => client.destroy());
    const [endpoint] = this.#order(target);
    if (!endpoint) {
      client.end(`HTTP/1.1 ${target ? '503 Service Unavailable' : '404 Not Found'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect({ ...endpoint, timeout: connectMs });
    upstream.on('timeout', () => upstream.destroy(new Error('connect timed out')));
    upstream.on('error', () => {
      if (upstream.bytesRead === 0) client.write('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      client.destroy();
    });
    upstream.on('connect', () => {
      upstream.setTimeout(0);
      const headers = { ...forwardedHeaders(request), connection: 'Upgrade', upgrade: request.headers.upgrade ?? '' };
      const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }

  #order({ endpoints }: Target = { name: '', endpoints: [] }): readonly Endpoint[] {
    if (endpoints.length === 0) return [];
    const start = this.#turn++ % endpoints.length;
    return [...endpoints.slice(start), ...endpoints.slice(0, start)];
  }

  /**
   * One endpoint after the other, as long as nothing can have happened: the connection was refused, or an idle
   * connection turned out to be closed under a request that may be sent twice. What has a body gets a connection of its
   * own, so that this cannot happen to it.
   */
  #attempt(request: IncomingMessage, response: ServerResponse, [endpoint, ...others]: readonly Endpoint[]): void {
    if (!endpoint) return;
    const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    const mayRepeat = !hasBody && repeatable.has(request.method ?? '');
    const upstream = httpRequest({
      ...endpoint,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: forwardedHeaders(request),
      agent: mayRepeat ? this.#agent : false,
      setHost: false,
    });
    let isConnected = false;
    upstream.on('socket', (socket) => {
      limitConnect(socket, upstream);
      if (!socket.connecting) isConnected = true;
      else socket.once('connect', () => (isConnected = true));
      if (hasBody) whenConnected(socket, () => request.pipe(upstream));
    });
    if (!hasBody) upstream.end();
    upstream.on('response', (answer) => passOn(answer, request, response));
    upstream.on('error', (error: Error & { code?: string }) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const isStale = mayRepeat && upstream.reusedSocket;
      if (isStale) this.#attempt(request, response, [endpoint, ...others]);
      else if (!isConnected && others.length > 0) this.#attempt(request, response, others);
      else if (mayRepeat && others.length > 0 && error.code === 'ECONNRESET') this.#attempt(request, response, others);
      else
        answerError(request, response, error.message === silent ? 504 : 502, error.message === silent ? 'Gateway Timeout' : 'Bad Gateway');
    });
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
  }
}

const silent = 'nothing was heard of the pod';

function limitConnect(socket: Socket, upstream: ClientRequest): void {
  if (socket.connecting) socket.setTimeout(connectMs, () => socket.connecting && upstream.destroy(new Error('connect timed out')));
  whenConnected(socket, () => socket.setTimeout(silenceMs, () => upstream.destroy(new Error(silent))));
}

function whenConnected(socket: Socket, act: () => void): void {
  if (socket.connecting) socket.once('connect', act);
  else act();
}

function passOn(answer: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name)));
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers as Record<string, string | string[]>);
  // Bodies without an end mark reach an HTTP/1.0 client by the connection's end.
  answer.pipe(response);
  answer.on('error', () => response.destroy());
  answer.on('aborted', () => response.destroy());
  request.on('aborted', () => answer.destroy());
}

/** The request's headers for the pod: without those of this hop, with where it came from. */
function forwardedHeaders(request: IncomingMessage): Record<string, string | string[]> {
  const own = Object.entries(request.headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined && !hopByHop.has(entry[0]),
  );
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const isSecure = 'encrypted' in request.socket;
  const before = request.headers['x-forwarded-for'];
  return {
    ...Object.fromEntries(own),
    ...(request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': before === undefined ? address : `${String(before)}, ${address}`,
    'x-forwarded-host': request.headers.host ?? '',
    'x-forwarded-port': String(request.socket.localPort ?? ''),
    'x-forwarded-proto': isSecure ? 'https' : 'http',
    'x-real-ip': address,
    'x-request-id': String(request.headers['x-request-id'] ?? newUid().replaceAll('-', '')),
  };
}

function refuse(request: IncomingMessage, response: ServerResponse, target: Target | undefined): void {
  if (target) answerError(request, response, 503, 'Service Unavailable');
  else answerError(request, response, 404, 'Not Found');
}

function answerError(request: IncomingMessage, response: ServerResponse, code: number, text: string): void {
  request.resume();
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${code} ${text}\n`);
}
