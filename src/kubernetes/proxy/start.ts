import { endpointSlices, nodes, services } from '../../api/kubernetes/kinds.ts';
import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { informer, type Informer } from '../client/informer.ts';
import { keyOf } from '../client/object-cache.ts';
import type { Location } from './backends.ts';
import { HostShare } from './host-share.ts';
import { frontendsOf } from './service-port.ts';
import { ServiceTable } from './service-table.ts';
import { tableName } from './table-layout.ts';

export interface ProxyOptions {
  readonly client: Client;
  readonly kernel: Pick<Kernel, 'firewall' | 'links'>;
  readonly nodeName: string;
  readonly podCidr: string;
  /** Gets the balancers' addresses. */
  readonly bridgeName: string;
  /** Single addresses on the bridge that others keep. */
  readonly otherAddresses: readonly string[];
  readonly log: Log;
}

/** How often the host's addresses are looked at although nothing was heard of. */
const resyncMs = 30_000;
/** Whoever changes the table changes it more than once: mended when there was silence for so long. */
const settleMs = 100;
const table = 'table';

interface Sources {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

/**
 * Keeps the kernel's Service table equal to Services and EndpointSlices. One key, so that everything that changed
 * while one write runs is the next write. The table stays when the proxy ends.
 */
export async function startProxy(options: ProxyOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const { client, kernel, podCidr, log, nodeName } = options;
  const sources: Sources = {
    services: starting.use(informer(client, services, { log })),
    slices: starting.use(informer(client, endpointSlices, { log, indexers: { service: (slice) => [serviceOf(slice)] } })),
  };
  const ownNode = starting.use(informer(client, nodes, { log, fieldSelector: `metadata.name=${nodeName}` }));
  const host = starting.use(new HostShare(options));
  let mending: NodeJS.Timeout | undefined;
  const lost = (): void => {
    clearTimeout(mending);
    mending = setTimeout(() => {
      log.warn({ table: tableName }, 'somebody changed the Service table; it is written anew');
      controller.enqueue(table, 'the table was changed');
    }, settleMs);
  };
  starting.defer(() => clearTimeout(mending));
  const written = starting.use(new ServiceTable(kernel.firewall, podCidr, log, lost));
  const changed = new Set<string>();
  let where: Location = { nodeName, zone: undefined };
  const touch = (key: string): readonly string[] => {
    changed.add(key);
    return [table];
  };
  const controller: Controller = starting.use(
    startController({
      name: 'proxy',
      client,
      log,
      workers: 1,
      sources: [
        watching(sources.services, (service) => touch(keyOf(service))),
        watching(sources.slices, (slice) => touch(serviceOf(slice))),
        watching(ownNode, ({ metadata }) => {
          const zone = metadata.labels?.['topology.kubernetes.io/zone'];
          if (zone === where.zone) return [];
          where = { nodeName, zone };
          return sources.services.list().flatMap((service) => touch(keyOf(service)));
        }),
      ],
      reconcile: async (_key, { causes }) => {
        const keys = [...changed];
        changed.clear();
        for (const key of keys) {
          written.put(key, frontends(key, sources, where));
          host.put(key, sources.services.get(key), sources.slices.byIndex('service', key));
        }
        const isLook = causes.every((cause) => cause === 'time');
        await written.write();
        await host.write(isLook ? 'look' : 'changed');
        return { requeueAfterMs: resyncMs };
      },
    }),
  );
  return starting.move();
}

function serviceOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}`;
}

function frontends(key: string, sources: Sources, where: Location): ReturnType<typeof frontendsOf> {
  const service = sources.services.get(key);
  return service ? frontendsOf(service, sources.slices.byIndex('service', key), where) : [];
}
