import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { apiVersion, splitVersion } from '../api/docker/version.ts';
import { isKind, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Engine } from '../engine/engine.ts';
import type { ServerFacts } from './call.ts';
import { errorAnswer } from './errors.ts';
import { Reply } from './reply.ts';
import { createRouter, type Router } from './router.ts';
import { routes } from './routes/all.ts';
import { listenAt, type SocketPlace } from './socket-place.ts';
import { upgradeBody } from './upgrade-body.ts';
import { isWebSocket } from './web-socket.ts';

export interface DockerServerOptions {
  readonly engine: Engine;
  readonly sockets: readonly SocketPlace[];
  readonly log: Log;
  /** davit's own version. */
  readonly version: string;
  /** Of the host, for `docker info`. */
  readonly cgroupVersion?: 1 | 2;
}

/** Serves the Docker Engine API on Unix sockets until it is disposed; open requests are aborted then. */
export async function serveDocker(options: DockerServerOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  for (const place of options.sockets) starting.use(await serveAt(place, options));
  const serving = starting.move();
  return { [Symbol.asyncDispose]: () => serving.disposeAsync() };
}

async function serveAt(place: SocketPlace, options: DockerServerOptions): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const server = createDockerServer(options, stop.signal);
  const listening = await listenAt(server.http, place);
  return {
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]();
      stop.abort();
      const closed = new Promise((resolve) => server.http.close(resolve));
      for (const socket of server.sockets) socket.destroy();
      await closed;
    },
  };
}

interface DockerServer {
  readonly http: Server;
  readonly sockets: ReadonlySet<Socket>;
}

function createDockerServer(options: DockerServerOptions, stopped: AbortSignal): DockerServer {
  const { engine, log, version } = options;
  const facts: ServerFacts = { version, cgroupVersion: options.cgroupVersion ?? 1, startedAt: new Date() };
  const host: Host = { engine, log, facts, route: createRouter(routes), stopped };
  const sockets = new Set<Socket>();
  const http = createServer({
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'tcp' || isWebSocket(request),
  });
  http.requestTimeout = 0;
  http.headersTimeout = 0;
  http.timeout = 0;
  http.keepAliveTimeout = 0;
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', (error) => log.debug({ error: messageOf(error) }, 'docker client connection'));
  });
  http.on('request', (request, response) => void answer(host, request, request, new Reply(request, response), response));
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    response.on('finish', () => socket.end());
    const body = upgradeBody(socket, head, Number(request.headers['content-length'] ?? 0));
    void answer(host, request, body, new Reply(request, response, socket), socket);
  });
  return { http, sockets };
}

interface Host {
  readonly engine: Engine;
  readonly log: Log;
  readonly facts: ServerFacts;
  readonly route: Router;
  readonly stopped: AbortSignal;
}

async function answer(host: Host, request: IncomingMessage, body: Readable, reply: Reply, connection: NodeJS.EventEmitter): Promise<void> {
  const gone = new AbortController();
  connection.once('close', () => gone.abort());
  reply.header('Api-Version', apiVersion);
  reply.header('Docker-Experimental', 'false');
  reply.header('Ostype', 'linux');
  reply.header('Server', `davit/${host.facts.version} (linux)`);
  try {
    const url = new URL(request.url ?? '/', 'http://docker');
    const { minor, path } = splitVersion(url.pathname);
    const { handle, params } = host.route(request.method ?? 'GET', path);
    const signal = AbortSignal.any([gone.signal, host.stopped]);
    await handle({ ...host, request, body, params, query: url.searchParams, minor, signal, reply });
  } catch (error) {
    refuse(host, request, reply, error);
  }
}

function refuse(host: Host, request: IncomingMessage, reply: Reply, error: unknown): void {
  const { status, body } = errorAnswer(error);
  if (status >= 500) host.log.warn({ method: request.method, url: request.url, status, err: error }, 'docker request failed');
  if (!reply.isBegun) return reply.json(body, status);
  if (!isKind(error, 'canceled')) host.log.debug({ url: request.url, err: error }, 'docker answer cut off');
  reply.cut();
}
