import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createServer as createHttpServer, type Server } from 'node:http';
import { connect, createServer, type Server as TcpServer, type Socket } from 'node:net';

/** Hands connections on to one address and cuts them in the middle, as bad networks do. */
export class RoughProxy implements AsyncDisposable {
  readonly #server: TcpServer;
  readonly #open = new Set<Socket>();
  /** After how many bytes connections are cut, by direction, and how often at most; undefined: none is. */
  cut: { readonly up: number; readonly down: number; readonly most: number } | undefined;
  cuts = 0;
  /** Bytes handed on. */
  up = 0;
  down = 0;

  private constructor(to: { readonly host: string; readonly port: number }) {
    this.#server = createServer((client) => this.#hand(client, connect(to)));
  }

  static async start(address: string, port: number, to: { readonly host: string; readonly port: number }): Promise<RoughProxy> {
    const self = new RoughProxy(to);
    self.#server.listen(port, address);
    await once(self.#server, 'listening');
    return self;
  }

  #hand(client: Socket, server: Socket): void {
    const [limit, passed] = [this.cut, { up: 0, down: 0 }];
    for (const socket of [client, server]) {
      this.#open.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#open.delete(socket));
    }
    const pass = (from: Socket, to: Socket, way: 'up' | 'down'): void => {
      from.on('data', (chunk: Buffer) => {
        passed[way] += chunk.length;
        this[way] += chunk.length;
        if (limit && this.cuts < limit.most && passed[way] > limit[way]) {
          this.cuts += 1;
          client.destroy();
          server.destroy();
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => to.end());
    };
    pass(client, server, 'up');
    pass(server, client, 'down');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }
}

/** A forward proxy as HTTP_PROXY and HTTPS_PROXY mean it: whole URLs, and CONNECT. */
export class ForwardProxy implements AsyncDisposable {
  readonly #server: Server;
  /** `GET http://…`, `CONNECT host:port`. */
  readonly requests: string[] = [];

  private constructor() {
    this.#server = createHttpServer((incoming, outgoing) => {
      this.requests.push(`${incoming.method} ${incoming.url}`);
      const { method, headers } = incoming;
      const onward = httpRequest(incoming.url ?? '', { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.writeHead(502).end());
      incoming.pipe(onward);
    });
    this.#server.on('connect', (incoming, client: Socket) => {
      this.requests.push(`CONNECT ${incoming.url}`);
      const target = new URL(`http://${incoming.url}`);
      const server = connect({ host: target.hostname, port: Number(target.port) }, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        client.pipe(server).pipe(client);
      });
      for (const socket of [client, server]) socket.on('error', () => (client.destroy(), server.destroy()));
    });
  }

  static async start(address: string, port: number): Promise<ForwardProxy> {
    const self = new ForwardProxy();
    self.#server.listen(port, address);
    await once(self.#server, 'listening');
    return self;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
