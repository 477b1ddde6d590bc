import { endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client } from '../client/client.ts';
import { startController, watching } from '../client/controller.ts';
import { informer } from '../client/informer.ts';
import { renderProxy, tableName } from './render.ts';
import { servicePorts } from './service-port.ts';

export interface ProxyOptions {
  readonly client: Client;
  readonly kernel: Pick<Kernel, 'firewall'>;
  readonly podCidr: string;
  readonly log: Log;
}

/** How often the table is looked at although nothing was heard of: whoever flushed it, it comes back. */
const resyncMs = 30_000;

/** Keeps the kernel's Service table equal to Services and EndpointSlices: one key, the whole table, written only when its text differs or it is gone. It stays when the proxy ends. */
export async function startProxy(options: ProxyOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const { client, kernel, podCidr, log } = options;
  const [allServices, allSlices] = [
    starting.use(informer(client, services, { log })),
    starting.use(informer(client, endpointSlices, { log })),
  ];
  let applied: string | undefined;
  const table = (): readonly string[] => ['table'];
  starting.use(
    startController({
      name: 'proxy',
      client,
      log,
      workers: 1,
      sources: [watching(allServices, table), watching(allSlices, table)],
      reconcile: async () => {
        const text = renderProxy(servicePorts(allServices.list(), allSlices.list()), { podCidr });
        const isThere = text === applied && (await kernel.firewall.nftTable('ip', tableName)) !== undefined;
        if (!isThere) await kernel.firewall.nft(text);
        applied = text;
        return { requeueAfterMs: resyncMs };
      },
    }),
  );
  return starting.move();
}
