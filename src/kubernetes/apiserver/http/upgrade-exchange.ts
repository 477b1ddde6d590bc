import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable, type Duplex } from 'node:stream';
import type { User } from '../access/user.ts';
import type { Exchange } from './exchange.ts';

/** A request that becomes a stream, as an exchange that nothing is sent on: it begins with its head and ends with its connection. */
export function upgradeExchange(incoming: IncomingMessage, socket: Duplex, user: User): Exchange {
  const url = new URL(incoming.url ?? '/', 'https://localhost');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    user,
    remoteAddress: (socket as Socket).remoteAddress,
    signal: new AbortController().signal,
    body: Readable.from([]),
    outgoing: {
      headersSent: false,
      writableEnded: false,
      statusCode: 101,
      writeHead: () => undefined,
      write: () => true,
      end: () => undefined,
      destroy: () => undefined,
      once: (event, listener) => socket.once(event, listener),
      off: (event, listener) => socket.off(event, listener),
    },
  };
}
