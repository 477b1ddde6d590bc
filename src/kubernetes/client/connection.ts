import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { connect as tlsConnect } from 'node:tls';
import { KindError, wrap } from '../../base/errors.ts';

export interface ConnectionOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM, as for node:tls: the authority that signed the server, and the client's own certificate and key. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Answer {
  readonly code: number;
  readonly stream: ClientHttp2Stream;
}

/** One HTTP/2 connection, made when first needed and again after it broke. */
export class Connection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  #session: ClientHttp2Session | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Sends a request and waits for the answer's head; `unavailable` when the server cannot be reached. The signal ends the whole exchange. */
  async send(headers: OutgoingHttpHeaders, body?: string, signal?: AbortSignal): Promise<Answer> {
    const { server } = this.#options;
    if (this.#isClosed) throw new KindError('canceled', 'the client is closed');
    const stream = this.#open().request(headers, { endStream: body === undefined });
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const refuse = (cause?: unknown): void =>
      reject(new KindError('unavailable', `the connection to the server ${server} was refused or lost`, { cause }));
    stream.once('response', (answer) => resolve({ code: Number(answer[':status']), stream }));
    stream.on('error', refuse);
    stream.once('close', refuse);
    const stop = (): void => void stream.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    stream.once('close', () => signal?.removeEventListener('abort', stop));
    if (body !== undefined) stream.end(body);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const session = this.#session;
    if (!session || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once('close', resolve);
      session.destroy();
    });
  }

  #open(): ClientHttp2Session {
    const known = this.#session;
    if (known && !known.closed && !known.destroyed) return known;
    const { server, ca, cert, key } = this.#options;
    const url = new URL(server);
    const session = connect(server, {
      // Lists are larger than the default window of 64 KiB.
      settings: { initialWindowSize: 4 * 2 ** 20, enablePush: false },
      createConnection: () => {
        const socket = tlsConnect({
          host: url.hostname,
          port: Number(url.port || 443),
          ca,
          cert,
          key,
          ALPNProtocols: ['h2'],
        });
        socket.setKeepAlive(true, 15_000);
        socket.setNoDelay(true);
        return socket;
      },
    });
    session.setMaxListeners(0);
    session.on('connect', () => session.setLocalWindowSize(16 * 2 ** 20));
    // Each stream reports the failure to its own request.
    session.on('error', () => undefined);
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}

/** The whole body as text; `unavailable` when it was cut off. */
export async function textOf(stream: ClientHttp2Stream): Promise<string> {
  const chunks: string[] = [];
  for await (const chunk of bodyOf(stream)) chunks.push(chunk);
  return chunks.join('');
}

/** The body's lines as they come in, without their ends; `unavailable` when it was cut off. */
export async function* linesOf(stream: ClientHttp2Stream): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const chunk of bodyOf(stream)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

async function* bodyOf(stream: ClientHttp2Stream): AsyncGenerator<string, void, undefined> {
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) yield String(chunk);
  } catch (error) {
    throw new KindError('unavailable', wrap(error, 'the answer was cut off').message, { cause: error });
  }
  // A session that is torn down ends its streams without an error.
  if (stream.aborted || stream.rstCode !== 0) throw new KindError('unavailable', 'the answer was cut off: the connection was lost');
}
