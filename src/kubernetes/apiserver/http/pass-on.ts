import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.ts';

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

/** The client read what was sent, or is gone. */
function drained({ outgoing }: Exchange): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    outgoing.off('drain', done);
    outgoing.off('close', done);
    resolve();
  };
  outgoing.once('drain', done);
  outgoing.once('close', done);
  return promise;
}
