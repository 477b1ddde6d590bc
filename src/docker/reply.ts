import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { KindError } from '../base/errors.ts';
import { isWebSocket, webSocketOf } from './web-socket.ts';

/** The answer to one request; exactly one of the methods that begin it is called. */
export class Reply {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #socket: Duplex | undefined;
  #isHijacked = false;

  /** `socket`: set when the client asked for an upgrade. */
  constructor(request: IncomingMessage, response: ServerResponse, socket?: Duplex) {
    this.#request = request;
    this.#response = response;
    this.#socket = socket;
  }

  get isBegun(): boolean {
    return this.#isHijacked || this.#response.headersSent;
  }

  json(body: unknown, status = 200): void {
    const text = `${JSON.stringify(body)}\n`;
    this.#response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    this.#response.end(this.#request.method === 'HEAD' ? undefined : text);
  }

  empty(status: 200 | 201 | 204): void {
    this.#response.writeHead(status, status === 204 ? {} : { 'Content-Length': 0 });
    this.#response.end();
  }

  /** The asked-for state is already there. */
  notModified(): void {
    this.#response.writeHead(304);
    this.#response.end();
  }

  text(body: string, headers: Readonly<Record<string, string>> = {}): void {
    const sent = this.#request.method === 'HEAD' ? '' : body;
    this.#response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(sent), ...headers });
    this.#response.end(sent);
  }

  header(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  /** Sends the headers at once: clients wait for them before they go on. */
  begin(contentType: string): void {
    this.#response.writeHead(200, { 'Content-Type': contentType });
    this.#response.flushHeaders();
  }

  /** Waits while the client reads more slowly than we write. */
  async write(data: string | Uint8Array): Promise<void> {
    await writeTo(this.#response, data);
  }

  /** One JSON object per line, for progress and event streams. */
  async line(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value)}\r\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** Ends a begun answer so that the client sees it is broken. */
  cut(): void {
    this.#response.destroy();
  }

  /** Sends a whole stream. The kernel has each piece before the next is asked for: its memory may then be used again. */
  async pipe(source: AsyncIterable<Uint8Array>, contentType: string): Promise<void> {
    this.begin(contentType);
    for await (const piece of source) await this.#sent(piece);
    this.#response.end();
  }

  #sent(piece: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#response.write(piece, (error) =>
        error ? reject(new KindError('canceled', 'the client has gone', { cause: error })) : resolve(),
      );
    });
  }

  /**
   * Takes over the connection. With `Upgrade: tcp` the client gets 101 and both sides speak raw bytes;
   * otherwise the request's body is the input and the response's body the output.
   */
  hijack(contentType: string): Duplex {
    this.#isHijacked = true;
    if (this.#socket === undefined) {
      this.begin(contentType);
      return Duplex.from({ readable: this.#request, writable: this.#response });
    }
    this.#socket.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
    return this.#socket;
  }

  /** As `hijack`, with a WebSocket. */
  webSocket(): Promise<Duplex> {
    if (this.#socket === undefined || !isWebSocket(this.#request))
      throw new KindError('invalid', 'bad parameter: want an upgrade to a WebSocket');
    this.#isHijacked = true;
    return webSocketOf(this.#request, this.#socket);
  }
}

export async function writeTo(
  target: { readonly destroyed: boolean; write(data: string | Uint8Array): boolean } & NodeJS.EventEmitter,
  data: string | Uint8Array,
): Promise<void> {
  if (target.destroyed || target.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      target.off('drain', done);
      target.off('close', done);
      resolve();
    };
    target.on('drain', done);
    target.on('close', done);
  });
}
