import { connect, createServer, type Socket } from 'node:net';
import { DockerReference } from './docker-reference.ts';
import { type HttpMessage, HttpMessages } from './http-messages.ts';

/** Older versions are not what the description tells about. */
const oldestChecked = 44;

/**
 * A Docker socket before another: every byte passes through as it is, and every JSON answer is held against Docker's API
 * description. Disposing fails when one of them was not as described.
 */
export class CheckedSocket implements AsyncDisposable {
  readonly #reference = DockerReference.load();
  readonly #upstream: string;
  readonly #problems = new Set<string>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#join(socket));
  readonly #sockets = new Set<Socket>();

  private constructor(upstream: string) {
    this.#upstream = upstream;
  }

  static async listen(path: string, upstream: string): Promise<CheckedSocket> {
    const self = new CheckedSocket(upstream);
    await new Promise<void>((resolve, reject) => {
      self.#server.once('error', reject);
      self.#server.listen(path, resolve);
    });
    return self;
  }

  #join(client: Socket): void {
    const engine = connect({ path: this.#upstream, allowHalfOpen: true });
    const asked: string[] = [];
    const requests = new HttpMessages(({ startLine }) => asked.push(startLine), { largestBody: 0 });
    const answers = new HttpMessages((answer) => this.#check(asked.shift() ?? '', answer), {
      hasNoBody: () => asked[0]?.startsWith('HEAD ') ?? false,
      largestBody: 8 << 20,
    });
    client.on('data', (chunk: Buffer) => requests.feed(chunk));
    engine.on('data', (chunk: Buffer) => answers.feed(chunk));
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        if (from.errored) to.destroy();
      });
    }
  }

  #check(asked: string, { startLine, headers, body }: HttpMessage): void {
    const [method = '', url = ''] = asked.split(' ');
    const [, minor = String(oldestChecked), path = ''] = /^(?:\/v1\.(\d+))?([^?]*)/.exec(url) ?? [];
    const isJson = headers.get('content-type')?.startsWith('application/json') ?? false;
    if (!isJson || body.length === 0 || Number(minor) < oldestChecked) return;
    const lines = body.toString().split('\n');
    const values = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as unknown);
    const status = Number(startLine.split(' ')[1]);
    for (const problem of this.#reference.answerProblems(method, path, status, values)) {
      this.#problems.add(`${method} ${path.replaceAll(/[0-9a-f]{64}/g, '<id>')} ${status}: ${problem}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#problems.size > 0) throw new Error(`answers that are not as Docker describes them:\n${[...this.#problems].join('\n')}`);
  }
}
