import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../../base/errors.ts';
import type { User } from '../access/user.ts';
import { sendText, type Exchange } from '../http/exchange.ts';
import { passOn } from '../http/pass-on.ts';
import { apiError, statusOf } from '../status.ts';
import { tunnel } from '../subresources/tunnel.ts';
import type { Aggregator } from './aggregator.ts';
import { isAvailable } from './availability.ts';
import type { RemoteService } from './backend.ts';
import { forwarded, isForwarded, remoteUserHeaders } from './remote-user.ts';

/**
 * Asks the server behind an APIService what a client asks, in the client's name, and passes on its answer as it comes.
 *
 *   kubectl ──► davit (who? may they?) ──certificate of the front proxy, X-Remote-User …──► extension server
 */
export async function serveRemote({ backends }: Aggregator, exchange: Exchange, service: RemoteService): Promise<void> {
  if (!isAvailable(service)) return refuse(exchange, 'service unavailable');
  const { method, headers, user, body, signal } = exchange;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const isChunked = hasBody && headers['content-length'] === undefined;
  const sent = { ...forwarded(headers), ...remoteUserHeaders(user), ...(isChunked && { 'transfer-encoding': 'chunked' }) };
  let answer: IncomingMessage;
  try {
    answer = await backends.send(service, { method, path: pathOf(exchange), headers: sent, ...(hasBody && { body }) }, signal);
  } catch (error) {
    return refuse(exchange, `error trying to reach service: ${messageOf(error)}`);
  }
  await passOn(exchange, answer.statusCode ?? 502, forwarded(answer.headers), answer);
}

function pathOf({ path, query }: Exchange): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function refuse(exchange: Exchange, why: string): void {
  sendText(exchange, statusOf(apiError('ServiceUnavailable', why)).code, `${why}\n`, 'text/plain; charset=utf-8', {
    'x-content-type-options': 'nosniff',
  });
}

/** The same for a connection that becomes a stream of its own. */
export async function upgradeRemote(
  { backends }: Aggregator,
  service: RemoteService,
  user: User,
  { incoming, socket, head }: { readonly incoming: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  if (!isAvailable(service)) throw apiError('ServiceUnavailable', 'service unavailable');
  const streaming = new Set(['connection', 'upgrade']);
  await tunnel(incoming, socket, head, {
    address: backends.endpointOf(service),
    tls: backends.tlsOf(service),
    path: incoming.url ?? '/',
    headers: remoteUserHeaders(user),
    isForwarded: (name) => streaming.has(name) || isForwarded(name),
  });
}
