import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP forwarder that can be shut (connections break, new ones are refused) and opened again at the same port. */
export class Gate implements AsyncDisposable {
  readonly #target: number;
  readonly #address: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  private constructor(target: number, address: string) {
    this.#target = target;
    this.#address = address;
  }

  static async before(target: number, address = '127.0.0.1'): Promise<Gate> {
    const gate = new Gate(target, address);
    await gate.open();
    return gate;
  }

  async open(): Promise<void> {
    this.#server = createServer((socket) => this.#forward(socket)).listen(this.port, this.#address);
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async shut(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server?.listening) await this.shut();
  }

  #forward(incoming: Socket): void {
    const outgoing = connect(this.#target, '127.0.0.1');
    const pair = [incoming, outgoing];
    for (const [from, to] of [pair, pair.toReversed()] as [Socket, Socket][]) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
