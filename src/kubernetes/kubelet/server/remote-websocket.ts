import { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import { parseSize, type RemoteSession, type StreamOptions, type TerminalSize } from './remote-session.ts';

/** Every message starts with the number of its channel; in v5 `255, channel` closes one. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export const webSocketProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

export function webSocketSession(socket: WebSocket, options: StreamOptions): RemoteSession {
  const gone = new AbortController();
  const input = options.stdin ? new Readable({ read: () => socket.resume() }) : undefined;
  let resized: (size: TerminalSize) => void = () => undefined;
  let lastSize: TerminalSize | undefined;
  const send = (channel: number, data: Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.of(channel), data]), () => resolve());
      else resolve();
    });
  socket.on('message', (message: Buffer) => {
    const data = message.subarray(1);
    switch (message[0]) {
      case channels.stdin:
        if (data.length > 0 && input?.push(data) === false) socket.pause();
        break;
      case channels.resize:
        lastSize = parseSize(data.toString('utf8')) ?? lastSize;
        if (lastSize) resized(lastSize);
        break;
      case channels.close:
        if (data[0] === channels.stdin) input?.push(null);
        break;
      default:
    }
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    input?.push(null);
    gone.abort();
  });
  return {
    input,
    write: (stream, data) => send(channels[stream], data),
    onResize: (handler) => {
      resized = handler;
      if (lastSize) handler(lastSize);
    },
    finish: async (status) => {
      await send(channels.error, Buffer.from(JSON.stringify(status)));
      socket.close(1000);
    },
    signal: gone.signal,
  };
}
