import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { drained, type Exchange } from './exchange.ts';

/** Sends on what another server answers, as it comes and as fast as the client reads. */
export async function passOn(exchange: Exchange, code: number, headers: OutgoingHttpHeaders, body: IncomingMessage): Promise<void> {
  const { outgoing } = exchange;
  outgoing.writeHead(code, headers);
  if ('flushHeaders' in outgoing && typeof outgoing.flushHeaders === 'function') outgoing.flushHeaders();
  try {
    for await (const chunk of body) {
      if (!outgoing.write(chunk as Buffer)) await drained(exchange);
    }
  } finally {
    outgoing.end();
  }
}
