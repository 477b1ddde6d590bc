import { closeSync, constants, openSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Listens at `<directory>/agent` and joins each connection with one to the client's ssh agent. */
export async function serveAgent(directory: string, connect: () => Promise<Duplex>): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void join(socket, connect);
  });
  // The path of a socket has 107 bytes at most; that of its directory may be longer.
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(`/proc/self/fd/${fd}/agent`, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      closeSync(fd);
    },
  };
}

async function join(socket: Socket, connect: () => Promise<Duplex>): Promise<void> {
  socket.on('error', () => undefined);
  try {
    const agent = await connect();
    agent.on('error', () => undefined);
    await Promise.all([pipeline(socket, agent), pipeline(agent, socket)]);
  } catch {
    // Either side has gone: the program in the step sees its connection end.
    socket.destroy();
  }
}
