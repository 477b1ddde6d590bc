import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { originalDestination } from '../../kernel/original-destination.ts';
import { relayKey, type RelayPort } from './relay-ports.ts';

export interface RelayChange {
  /** Keys, see relayKey. */
  readonly remove: readonly string[];
  readonly add: readonly RelayPort[];
}

/** At most so many at once: whoever opens more waits in the kernel's queue and is then refused, and davit keeps its descriptors. */
const mostConnections = 4096;

/** Takes connections that the kernel redirected and carries them to where their first destination leads. */
export class Relay {
  readonly #targets = new Map<string, RelayPort>();
  readonly #server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.#carry(client));

  /** The port that is listened on, at every IPv6 address: the kernel redirects to the address that a packet came to. */
  async listen(): Promise<number> {
    this.#server.maxConnections = mostConnections;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '::', port: 0, ipv6Only: true }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  change({ remove, add }: RelayChange): void {
    for (const key of remove) this.#targets.delete(key);
    for (const port of add) this.#targets.set(relayKey(port), port);
  }

  #carry(client: Socket): void {
    const target = this.#targetOf(client);
    if (!target) return void client.destroy();
    const server = connect({ host: target.address, port: target.port, allowHalfOpen: true });
    const over = (error: unknown): void => {
      if (!error) return;
      client.destroy();
      server.destroy();
    };
    pipeline(client, server, over);
    pipeline(server, client, over);
    return undefined;
  }

  /** Undefined: nobody's, or somebody connected to this listener itself. */
  #targetOf(client: Socket): RelayPort | undefined {
    const { fd } = (client as unknown as { readonly _handle?: { readonly fd?: number } })._handle ?? {};
    if (fd === undefined || fd < 0) return undefined;
    const { address, port } = originalDestination(fd);
    return this.#targets.get(relayKey({ hostIp: address, hostPort: port })) ?? this.#targets.get(String(port));
  }
}
