import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';

const timeoutMs = 3000;

/** Asks the servers in turn with the packet as it came; undefined when none answers. */
export async function forward(
  packet: Buffer,
  servers: readonly string[],
  protocol: 'udp' | 'tcp',
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  for (const server of servers) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await (protocol === 'udp' ? overUdp(packet, server, limit) : overTcp(packet, server, limit));
    } catch {
      if (signal.aborted) return undefined;
    }
  }
  return undefined;
}

async function overUdp(packet: Buffer, server: string, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(53, server);
    await once(socket, 'connect', { signal });
    socket.send(packet);
    for (;;) {
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
      if (answer.length >= 2 && answer.readUInt16BE(0) === packet.readUInt16BE(0)) return answer;
    }
  } finally {
    socket.close();
  }
}

async function overTcp(packet: Buffer, server: string, signal: AbortSignal): Promise<Buffer> {
  const socket = createConnection({ host: server, port: 53, signal });
  try {
    await once(socket, 'connect', { signal });
    socket.write(framed(packet));
    for await (const answer of framesOf(socket)) return answer;
    throw new Error('no answer');
  } finally {
    socket.destroy();
  }
}

/** DNS over TCP: each message after its length in two bytes (RFC 1035 §4.2.2). */
export function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  return Buffer.concat([length, packet]);
}

export async function* framesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const length = rest.readUInt16BE(0);
      yield rest.subarray(2, 2 + length);
      rest = rest.subarray(2 + length);
    }
  }
}
