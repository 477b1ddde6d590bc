import type { GatewayOptions } from './gateway.ts';
import { startGateway, type GatewayThread } from './gateway-thread.ts';
import type { Routes } from './routes.ts';

/** At most one gateway: opened with the first routes, closed when there are none, told of when it ends by itself. */
export class KeptGateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  readonly #ended: () => void;
  #gateway: GatewayThread | undefined;

  constructor(options: GatewayOptions, ended: () => void) {
    this.#options = options;
    this.#ended = ended;
  }

  /** Throws when it cannot listen. */
  async send(routes: Routes): Promise<void> {
    const gateway = (this.#gateway ??= await this.#open());
    gateway.send(routes);
  }

  async close(): Promise<void> {
    const gateway = this.#gateway;
    this.#gateway = undefined;
    await gateway?.[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<GatewayThread> {
    const gateway = await startGateway(this.#options);
    void gateway.ended.then(() => {
      if (this.#gateway !== gateway) return;
      this.#gateway = undefined;
      this.#ended();
    });
    return gateway;
  }
}
