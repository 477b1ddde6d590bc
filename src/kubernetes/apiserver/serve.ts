import type { Log } from '../../base/log.ts';
import type { Store } from '../../store/store.ts';
import type { Client } from '../client/client.ts';
import { bootstrap } from './bootstrap.ts';
import { inProcessClient } from './client.ts';
import { listen, type ListenOptions } from './http/server.ts';
import { Registry } from './registry/registry.ts';
import { addressRange } from './registry/service-addresses.ts';
import type { KubeletTls } from './subresources/kubelet.ts';

export interface ServeOptions extends ListenOptions {
  readonly store: Store;
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
  /** Where pods reach this server; 127.0.0.1 when there are no pods. */
  readonly nodeIp?: string;
  readonly kubeletTls: KubeletTls;
  readonly log: Log;
}

export interface ApiServer extends AsyncDisposable {
  /** The same API without sockets, for the server's own controllers. */
  readonly client: Client;
  readonly url: string;
}

/** The Kubernetes API over HTTPS and in process, on one store. The store stays the caller's. */
export async function serveApi(options: ServeOptions): Promise<ApiServer> {
  const { store, serviceCidr, kubeletTls, log, nodeIp = '127.0.0.1' } = options;
  const serviceRange = addressRange(serviceCidr);
  const registry = new Registry(store, serviceRange);
  await using starting = new AsyncDisposableStack();
  const listening = starting.use(await listen({ registry, kubeletTls, log }, options));
  await bootstrap(registry, { serviceRange, nodeIp, port: listening.port });
  const host = options.address === '0.0.0.0' ? '127.0.0.1' : options.address;
  const running = starting.move();
  return {
    client: inProcessClient(registry),
    url: `https://${host}:${listening.port}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
