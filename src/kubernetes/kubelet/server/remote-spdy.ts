import { once } from 'node:events';
import { KindError } from '../../../base/errors.ts';
import { parseSize, type RemoteSession, type StreamOptions, type TerminalSize } from './remote-session.ts';
import type { SpdySession, SpdyStream } from './spdy/session.ts';

export const spdyProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
const patienceMs = 30_000;

/** Resolves once the client has opened every stream it announced in the query. */
export async function spdyRemoteSession(connection: SpdySession, options: StreamOptions): Promise<RemoteSession> {
  const gone = new AbortController();
  connection.on('close', () => gone.abort());
  const streams = await collect(connection, options, AbortSignal.any([gone.signal, AbortSignal.timeout(patienceMs)]));
  const write = (name: string, data: Buffer): Promise<void> =>
    new Promise((resolve) => {
      const stream = streams.get(name);
      if (!stream || stream.destroyed) resolve();
      else stream.write(data, () => resolve());
    });
  return {
    input: streams.get('stdin'),
    write,
    onResize: (handler) => readSizes(streams.get('resize'), handler),
    finish: async (status) => {
      await write('error', Buffer.from(JSON.stringify(status)));
      const ended = [...streams.values()].filter((stream) => stream.headers['streamtype'] !== 'stdin' && !stream.destroyed);
      await Promise.all(ended.map((stream) => new Promise<void>((resolve) => void stream.end(() => resolve()))));
      connection.end();
    },
    signal: gone.signal,
  };
}

async function collect(connection: SpdySession, options: StreamOptions, signal: AbortSignal): Promise<ReadonlyMap<string, SpdyStream>> {
  const wanted = [
    'error',
    ...(options.stdin ? ['stdin'] : []),
    ...(options.stdout ? ['stdout'] : []),
    ...(options.stderr ? ['stderr'] : []),
    ...(options.tty ? ['resize'] : []),
  ];
  const streams = new Map<string, SpdyStream>();
  const { promise, resolve } = Promise.withResolvers<void>();
  connection.on('stream', (stream) => {
    streams.set(stream.headers['streamtype'] ?? '', stream);
    if (wanted.every((name) => streams.has(name))) resolve();
  });
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  await Promise.race([promise, aborted]);
  if (!wanted.every((name) => streams.has(name))) throw new KindError('canceled', 'timed out waiting for client to create streams');
  return streams;
}

/** Sizes come as JSON objects, one or several per frame. */
function readSizes(stream: SpdyStream | undefined, handler: (size: TerminalSize) => void): void {
  stream?.on('data', (chunk: Buffer) => {
    for (const text of chunk.toString('utf8').split('\n')) {
      const size = parseSize(text);
      if (size) handler(size);
    }
  });
}
