import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { isKind, kindOf, messageOf, type ErrorKind } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Engine } from '../../../engine/engine.ts';
import { hostUsage } from '../../../kernel/host-facts.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { findContainer } from './find-container.ts';
import { parseLogQuery, sendLogs } from './logs.ts';
import { statsSummary } from './stats-summary.ts';
import { Upgrades } from './upgrades.ts';

export interface KubeletServerOptions {
  readonly engine: Engine;
  readonly kernel: Pick<Kernel, 'namespaces'>;
  readonly nodeName: string;
  readonly address: string;
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly pods: () => readonly Pod[];
  readonly log: Log;
}

const statusCodes: Readonly<Partial<Record<ErrorKind, number>>> = {
  invalid: 400,
  notFound: 404,
  unauthorized: 401,
  forbidden: 403,
  conflict: 409,
  unavailable: 503,
  notImplemented: 501,
};

/** The kubelet's own HTTPS server: what the API server asks of a node. Only clients with a certificate of system:masters are let in. */
export async function serveKubelet(options: KubeletServerOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const { tls, log } = options;
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false });
  const upgrades = new Upgrades(options);
  const stopping = new AbortController();
  server.on('request', (request, response) => void answer(request, response, options, stopping.signal));
  server.on('upgrade', (request, socket, head) => {
    const refusal = refusalOf(request);
    if (refusal) refuse(socket, refusal);
    else
      void upgrades
        .accept(request, socket, head)
        .catch((error: unknown) => refuse(socket, { code: statusCodes[kindOf(error)] ?? 500, text: messageOf(error) }));
  });
  server.on('tlsClientError', (error) => log.debug({ error: error.message }, 'kubelet client'));
  server.listen(options.port, options.address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      upgrades[Symbol.dispose]();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Refusal {
  readonly code: number;
  readonly text: string;
}

function refusalOf(request: IncomingMessage): Refusal | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return { code: 401, text: 'Unauthorized' };
  const { subject } = socket.getPeerCertificate();
  const organizations: readonly string[] = [subject.O ?? []].flat();
  if (organizations.includes('system:masters')) return undefined;
  return { code: 403, text: `Forbidden (user=${[subject.CN].flat().join(' ')}, verb=get, resource=nodes, subresource=proxy)` };
}

function refuse(socket: Duplex, { code, text }: Refusal): void {
  if (!socket.writable) return;
  socket.end(
    `HTTP/1.1 ${code} ${code === 401 ? 'Unauthorized' : 'Error'}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: KubeletServerOptions,
  stopping: AbortSignal,
): Promise<void> {
  const left = new AbortController();
  response.on('close', () => left.abort());
  try {
    await route(request, response, options, AbortSignal.any([left.signal, stopping]));
  } catch (error) {
    if (isKind(error, 'canceled') || response.headersSent) {
      response.end();
      return;
    }
    sendText(response, statusCodes[kindOf(error)] ?? 500, messageOf(error));
  }
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  options: KubeletServerOptions,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet');
  const [, verb = '', ...path] = url.pathname.split('/').map(decodeURIComponent);
  if (verb === 'healthz') {
    sendText(response, 200, 'ok');
    return;
  }
  const refusal = refusalOf(request);
  if (refusal) {
    sendText(response, refusal.code, refusal.text);
    return;
  }
  switch (verb) {
    case 'containerLogs': {
      const log = parseLogQuery(url.searchParams);
      const [namespace = '', name = '', container = ''] = path;
      const id = await findContainer(options, { namespace, name, container, previous: log.previous, purpose: 'logs' });
      await sendLogs(response, options.engine.containers, id, log, signal);
      return;
    }
    case 'pods':
      sendJson(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: options.pods() });
      return;
    case 'stats':
      sendJson(response, await statsSummary(options.engine, options.nodeName, hostUsage()));
      return;
    default:
      sendText(response, 404, `404 page not found`);
  }
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendJson(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
