import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { KindError } from '../../../base/errors.ts';
import { podLabels } from '../pod/observed.ts';
import { findContainer } from './find-container.ts';
import { connectInPod } from './pod-socket.ts';
import { forwardPorts } from './port-forward.ts';
import { streamOptions } from './remote-session.ts';
import { spdyProtocols, spdyRemoteSession } from './remote-spdy.ts';
import { webSocketProtocols, webSocketSession } from './remote-websocket.ts';
import { runAttach, runExec } from './run-remote.ts';
import type { KubeletServerOptions } from './serve.ts';
import { SpdySession } from './spdy/session.ts';

const portForwardProtocol = 'portforward.k8s.io';
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;

/** Exec, attach and port-forward: HTTP upgraded to SPDY/3.1 or WebSocket, or SPDY inside a WebSocket. */
export class Upgrades implements Disposable {
  readonly #options: KubeletServerOptions;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => webSocketProtocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  readonly #open = new Set<Duplex>();

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    // `ws` refuses a subprotocol with a slash: it is taken out before the upgrade and answered here.
    this.#sockets.on('headers', (headers, request) => {
      if (isTunnel(request)) headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`);
    });
  }

  /** Throws before anything has been written, when the request cannot be served. */
  async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const [, verb = '', namespace = '', name = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (!isWebSocket && !/^spdy\/3\.1$/i.test(request.headers.upgrade ?? ''))
      throw new KindError('invalid', 'unable to upgrade: upgrade header must be SPDY/3.1 or websocket');
    if (verb === 'portForward') {
      const netns = await this.#netns(namespace, name);
      const connection = isWebSocket ? await this.#tunnel(request, socket, head) : this.#spdy(request, socket, head, [portForwardProtocol]);
      forwardPorts(connection, name, (port) => connectInPod(this.#options.kernel, netns, port));
      return;
    }
    if (verb !== 'exec' && verb !== 'attach') throw new KindError('notFound', '404 page not found');
    const id = await findContainer(this.#options, { namespace, name, container: rest.at(-1) ?? '', purpose: 'exec' });
    const options = streamOptions(url.searchParams);
    const session = isWebSocket
      ? webSocketSession(await this.#webSocket(request, socket, head), options)
      : await spdyRemoteSession(this.#spdy(request, socket, head, spdyProtocols), options);
    if (verb === 'exec') await runExec(this.#options.engine, id, url.searchParams.getAll('command'), options, session);
    else await runAttach(this.#options.engine, id, options, session);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#open) socket.destroy();
    this.#sockets.close();
  }

  #spdy(request: IncomingMessage, socket: Duplex, head: Buffer, known: readonly string[]): SpdySession {
    const offered = (request.headers['x-stream-protocol-version']?.toString() ?? '').split(/,\s*/);
    const protocol = known.find((each) => offered.includes(each));
    if (!protocol)
      throw new KindError(
        'forbidden',
        `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${known.join(' ')}]`,
      );
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    );
    return new SpdySession(socket, head);
  }

  #webSocket(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
    return new Promise((resolve) => this.#sockets.handleUpgrade(request, socket, head, resolve));
  }

  async #tunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<SpdySession> {
    if (!(request.headers['sec-websocket-protocol'] ?? '').includes(tunnelProtocol))
      throw new KindError('invalid', `unable to upgrade: the subprotocol must be ${tunnelProtocol}`);
    delete request.headers['sec-websocket-protocol'];
    tunnels.add(request);
    return new SpdySession(webSocketStream(await this.#webSocket(request, socket, head)));
  }

  async #netns(namespace: string, name: string): Promise<string | undefined> {
    const sandboxes = await this.#options.engine.sandboxes.list();
    const found = sandboxes.find(({ spec }) => spec.labels[podLabels.namespace] === namespace && spec.labels[podLabels.name] === name);
    if (!found) throw new KindError('notFound', `pod not found ("${name}_${namespace}")`);
    return found.netnsPath;
  }
}

const tunnels = new WeakSet<IncomingMessage>();

function isTunnel(request: IncomingMessage): boolean {
  return tunnels.has(request);
}

/** A WebSocket's messages as one byte stream. */
function webSocketStream(socket: WebSocket): Duplex {
  const stream = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, taken) => {
      if (socket.readyState === socket.OPEN) socket.send(chunk, { binary: true }, () => taken());
      else taken();
    },
    final: (taken) => {
      socket.close(1000);
      taken();
    },
  });
  socket.on('message', (message: Buffer) => {
    if (!stream.push(message)) socket.pause();
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    stream.push(null);
    stream.destroy();
  });
  return stream;
}
