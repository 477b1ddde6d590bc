import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { messageOf } from '../../../base/errors.ts';
import { apiError } from '../status.ts';

/** The other end of an upgraded connection. */
export interface TunnelEnd {
  readonly address: { readonly host: string; readonly port: number };
  readonly tls: ConnectionOptions;
  readonly path: string;
  /** Which headers of the client's go along, by their lower-case names. */
  isForwarded(name: string): boolean;
  readonly headers?: OutgoingHttpHeaders;
}

/**
 * Passes an upgraded connection through byte by byte: WebSocket and SPDY/3.1 alike end there.
 *
 *   kubectl ──upgrade──► API server (who? may they?) ──same upgrade, own certificate──► kubelet, extension server
 */
export async function tunnel(incoming: IncomingMessage, client: Duplex, head: Buffer, end: TunnelEnd): Promise<void> {
  const { host, port } = end.address;
  const other = connect({ ...end.address, ...end.tls, ALPNProtocols: ['http/1.1'] });
  try {
    await once(other, 'secureConnect');
  } catch (error) {
    throw apiError('InternalError', `error dialing backend: dial tcp ${host}:${port}: ${messageOf(error)}`);
  }
  other.write(requestHead(incoming, end));
  if (head.length > 0) other.write(head);
  join(client, other);
}

function requestHead(incoming: IncomingMessage, { address, path, headers = {}, isForwarded }: TunnelEnd): string {
  const lines: string[] = [];
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] ?? '';
    if (name.toLowerCase() !== 'host' && isForwarded(name.toLowerCase())) lines.push(`${name}: ${incoming.rawHeaders[index + 1] ?? ''}`);
  }
  const added = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}`));
  return [`${incoming.method} ${path} HTTP/1.1`, `Host: ${address.host}:${address.port}`, ...lines, ...added, '', ''].join('\r\n');
}

/** Both ends live and die together; half-closes are passed on. */
function join(client: Duplex, other: TLSSocket): void {
  for (const [one, two] of [
    [client, other],
    [other, client],
  ] as const) {
    one.on('error', () => two.destroy());
    one.on('close', () => two.destroy());
  }
  client.pipe(other);
  other.pipe(client);
}
