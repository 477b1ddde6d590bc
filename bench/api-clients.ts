import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import type { Reach } from './api-server.ts';

/** A connection of the administrator. */
export function session({ url, ca, cert, key }: Reach): ClientHttp2Session {
  return connect(url, { ca, cert, key, settings: { initialWindowSize: 16 << 20 } });
}

/** A request and its whole answer; refuses what is no 2xx. */
export async function ask(client: ClientHttp2Session, method: string, path: string, body?: object): Promise<Answer> {
  const began = performance.now();
  const stream = client.request({ ':method': method, ':path': path, ...(body && { 'content-type': 'application/json' }) });
  stream.end(body && JSON.stringify(body));
  const [headers] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
  let [firstMs, bytes] = [0, 0];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    firstMs ||= performance.now() - began;
    bytes += chunk.length;
  }
  if ((headers[':status'] ?? 0) > 299) throw new Error(`${method} ${path} answered ${headers[':status']}`);
  return { firstMs, ms: performance.now() - began, bytes };
}

export interface Answer {
  readonly firstMs: number;
  readonly ms: number;
  readonly bytes: number;
}

/** Asks so often each second, whether the answers come or not; ms from when each was due until it was there. */
export async function steadily(
  perSecond: number,
  durationMs: number,
  act: (index: number) => Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  const began = performance.now();
  const one = async (index: number): Promise<void> => {
    const due = began + (index * 1000) / perSecond;
    await act(index);
    times.push(performance.now() - due);
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(performance.now() - began, durationMs);
      while ((asked.length * 1000) / perSecond < due) asked.push(one(asked.length));
      if (due < durationMs) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(asked);
  return times.toSorted((a, b) => a - b);
}

/**
 * Gets over HTTP/1.1, one after the other on a connection of its own, with next to no work in this process:
 * it is the server that is measured.
 */
export class PlainGets {
  readonly #socket: TLSSocket;
  readonly #waiting: (() => void)[] = [];
  #left = 0;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  static async open({ url, ca, cert, key }: Reach): Promise<PlainGets> {
    const { hostname, port } = new URL(url);
    const socket = tlsConnect({ host: hostname, port: Number(port), ca, cert, key, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    return new PlainGets(socket);
  }

  get(path: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n`);
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** A head that begins a chunk, and answers that may come in several: enough for small objects. */
  #take(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#left === 0) {
        const end = chunk.indexOf('\r\n\r\n', from);
        const head = chunk.toString('latin1', from, end);
        if (!head.startsWith('HTTP/1.1 200')) throw new Error(head);
        this.#left = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        from = end + 4;
      }
      const taken = Math.min(this.#left, chunk.length - from);
      this.#left -= taken;
      from += taken;
      if (this.#left === 0) this.#waiting.shift()?.();
    }
  }
}

/** Watches that count the lines they are sent; `all` waits until each has one more. */
export class Watching {
  readonly #streams: readonly ClientHttp2Stream[];
  #waiting = 0;
  #done: () => void = () => undefined;

  private constructor(streams: readonly ClientHttp2Stream[]) {
    this.#streams = streams;
    for (const stream of streams) {
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => {
        this.#waiting -= chunk.reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 0);
        if (this.#waiting === 0) this.#done();
      });
    }
  }

  static async start(clients: readonly ClientHttp2Session[], count: number, path: string): Promise<Watching> {
    const streams = Array.from({ length: count }, (_, index) =>
      (clients[index % clients.length] as ClientHttp2Session).request({ ':path': path }),
    );
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    return new Watching(streams);
  }

  /** ms from the write until everybody has it. */
  async timeOf(write: () => Promise<unknown>): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    [this.#waiting, this.#done] = [this.#streams.length, resolve];
    const began = performance.now();
    await Promise.all([write(), promise]);
    return performance.now() - began;
  }

  stop(): void {
    for (const stream of this.#streams) stream.close();
  }
}
