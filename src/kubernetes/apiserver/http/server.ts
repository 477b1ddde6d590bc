import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2SecureServer,
  type Http2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { userOf } from '../access/authenticate.ts';
import { anonymous } from '../access/user.ts';
import type { Exchange, Outgoing } from './exchange.ts';
import { route, routeUpgrade, type Routes } from './router.ts';

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  /** PEM: whom clients must be certified by, and the server's own certificate and key. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** HTTPS with client certificates, HTTP/2 and HTTP/1.1 on one port. */
export async function listen(routes: Routes, options: ListenOptions): Promise<Listening> {
  const server = createSecureServer({ ...options.tls, requestCert: true, rejectUnauthorized: false, allowHTTP1: true });
  const connections = track(server);
  server.on('request', (incoming, outgoing) => void route(routes, exchangeOf(incoming, outgoing)));
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    void routeUpgrade(routes, incoming, socket, head, userOf(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.destroy();
      }),
  };
}

/** Open connections: HTTP/2 ones live as long as the client likes. */
function track(server: Http2SecureServer): ReadonlySet<{ destroy(): void }> {
  const open = new Set<{ destroy(): void }>();
  const add = (one: (Socket | Http2Session) & { destroy(): void }): void => {
    open.add(one);
    one.once('close', () => open.delete(one));
    one.on('error', () => one.destroy());
  };
  server.on('secureConnection', (socket) => add(socket));
  server.on('session', (session) => add(session));
  server.on('sessionError', () => undefined);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return open;
}

/** One for all: to make one takes longer than to answer a get. */
const clientGone = new DOMException('The client is gone', 'AbortError');

function exchangeOf(incoming: Http2ServerRequest | IncomingMessage, outgoing: Http2ServerResponse | ServerResponse): Exchange {
  const gone = new AbortController();
  const end = (): void => gone.abort(clientGone);
  outgoing.once('close', end);
  incoming.on('error', end);
  outgoing.on('error', end);
  const url = new URL(incoming.url ?? '/', 'https://localhost');
  const isSecond = 'stream' in incoming;
  const socket = isSecond ? rawSocket(incoming) : incoming.socket;
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    user: socket ? userOf(socket) : anonymous,
    remoteAddress: (socket as Socket | undefined)?.remoteAddress,
    signal: gone.signal,
    body: incoming as AsyncIterable<Uint8Array>,
    outgoing: outgoing as unknown as Outgoing,
  };
}

const sockets = new WeakMap<Http2Session, unknown>();

/** The TLS socket below an HTTP/2 session; the session shows only a proxy of it. */
function rawSocket(incoming: Http2ServerRequest): unknown {
  const session = incoming.stream.session;
  if (!session) return undefined;
  const known = sockets.get(session);
  if (known) return known;
  const found = session.socket;
  sockets.set(session, found);
  return found;
}
