import { Readable, type Duplex } from 'node:stream';

/**
 * The body of a request that asked for an upgrade: Node hands over the connection right after the headers.
 *
 *   POST /exec/x/start … Content-Length: 28 ⏎⏎ {"Detach":false,"Tty":false} raw bytes…
 *                                              └── body ─────────────────┘ └ stay in the socket
 */
export function upgradeBody(socket: Duplex, head: Buffer, contentLength: number): Readable {
  if (head.length > 0) socket.unshift(head);
  return Readable.from(take(socket, contentLength), { objectMode: false });
}

async function* take(socket: Duplex, bytes: number): AsyncGenerator<Buffer> {
  let missing = bytes;
  while (missing > 0) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) return;
      await readable(socket);
      continue;
    }
    const used = chunk.subarray(0, missing);
    missing -= used.length;
    if (used.length < chunk.length) socket.unshift(chunk.subarray(used.length));
    yield used;
  }
}

function readable(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const name of ['readable', 'end', 'close']) socket.off(name, done);
      resolve();
    };
    for (const name of ['readable', 'end', 'close']) socket.on(name, done);
  });
}
