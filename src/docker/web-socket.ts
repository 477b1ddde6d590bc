import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { KindError } from '../base/errors.ts';

const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** The connection as a WebSocket: each write is a binary message. A handshake that is none is answered with 400. */
export function webSocketOf(request: IncomingMessage, socket: Duplex): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  socket.once('close', () => reject(new KindError('canceled', 'the client has gone')));
  // What came with the request is in the socket again (upgradeBody).
  server.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
    // Its errors are the stream's: an unheard one of the client itself would end the process.
    client.on('error', () => undefined);
    resolve(createWebSocketStream(client));
  });
  return promise;
}
