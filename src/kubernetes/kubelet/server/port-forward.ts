import type { Socket } from 'node:net';
import { messageOf } from '../../../base/errors.ts';
import type { SpdySession, SpdyStream } from './spdy/session.ts';

/**
 * Each connection of the client is a pair of streams with one request ID: `error` (text, when it fails) and `data`.
 * kubernetes.io/docs/reference/kubectl/generated/kubectl_port-forward
 */
export function forwardPorts(connection: SpdySession, pod: string, connect: (port: number) => Promise<Socket>): void {
  const pairs = new Map<string, Map<string, SpdyStream>>();
  connection.on('stream', (stream) => {
    const id = stream.headers['requestid'] ?? '';
    const pair = pairs.get(id) ?? new Map<string, SpdyStream>();
    pairs.set(id, pair.set(stream.headers['streamtype'] ?? '', stream));
    const [data, error] = [pair.get('data'), pair.get('error')];
    if (!data || !error) return;
    pairs.delete(id);
    void forwardOne(Number(data.headers['port']), pod, data, error, connect);
  });
}

async function forwardOne(
  port: number,
  pod: string,
  data: SpdyStream,
  error: SpdyStream,
  connect: (port: number) => Promise<Socket>,
): Promise<void> {
  error.resume();
  try {
    const socket = await connect(port);
    socket.on('error', () => data.destroy());
    data.on('close', () => socket.destroy());
    data.pipe(socket);
    socket.pipe(data);
    socket.on('close', () => error.end());
  } catch (cause) {
    error.end(`error forwarding port ${port} to pod ${pod}: failed to connect to localhost:${port} inside namespace: ${messageOf(cause)}`);
    data.end();
  }
}
