import { endpointSlices, ingressClasses, ingresses, services } from '../../api/kubernetes/kinds.ts';
import type { Ingress } from '../../api/kubernetes/types.generated.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { eventRecorder } from '../client/event-recorder.ts';
import { informer } from '../client/informer.ts';
import { messageOf } from '../../base/errors.ts';
import { buildRoutes, isOurs } from './build-routes.ts';
import type { GatewayOptions } from './gateway.ts';
import { SecretWatches } from './secret-watches.ts';
import { KeptGateway } from './kept-gateway.ts';

export interface IngressOptions extends GatewayOptions {
  readonly client: Client;
  readonly log: Log;
}

const routes = 'routes';
const namespacedKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The node's gateway for Ingresses: its ports are taken when the first Ingress is there, and given back with the last. */
export async function startIngress(options: IngressOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const { client, log, address, httpPort, httpsPort, fallbackCertificate } = options;
  const [classes, all, allServices] = [
    starting.use(informer(client, ingressClasses, { log })),
    starting.use(informer(client, ingresses, { log })),
    starting.use(informer(client, services, { log })),
  ];
  const slices = starting.use(
    informer(client, endpointSlices, {
      log,
      indexers: {
        service: ({ metadata }) => [namespacedKey(metadata.namespace ?? '', metadata.labels?.['kubernetes.io/service-name'] ?? '')],
      },
    }),
  );
  const recorder = starting.use(eventRecorder({ client, component: 'davit-ingress', log }));
  const gateway = starting.use(
    new KeptGateway({ address, httpPort, httpsPort, fallbackCertificate }, () => {
      log.warn({}, 'the ingress gateway ended; it is started again');
      controller.enqueue(routes, 'the gateway ended');
    }),
  );
  const certificates = starting.use(new SecretWatches(client, log, () => controller.enqueue(routes, 'a certificate changed')));
  const key = (): readonly string[] => [routes];
  const controller: Controller = starting.use(
    startController({
      name: 'ingress',
      client,
      log,
      workers: 1,
      sources: [classes, all, allServices, slices].map((source) => watching(source as typeof all, key)),
      reconcile: async () => {
        const own = all.list().filter((ingress) => isOurs(ingress, classes.list()));
        certificates.follow(new Set(own.flatMap(secretKeys)));
        if (own.length === 0) return await gateway.close();
        const built = buildRoutes({
          classes: classes.list(),
          ingresses: own,
          service: (namespace, name) => allServices.get(namespacedKey(namespace, name)),
          slices: (namespace, name) => slices.byIndex('service', namespacedKey(namespace, name)),
          secret: (namespace, name) => certificates.get(namespace, name),
        });
        try {
          await gateway.send(built);
        } catch (error) {
          for (const ingress of own) recorder.record(ingress, 'Warning', 'GatewayFailed', messageOf(error));
          throw error;
        }
      },
    }),
  );
  return starting.move();
}

function secretKeys({ metadata, spec }: Ingress): readonly string[] {
  return (spec?.tls ?? []).flatMap(({ secretName }) => (secretName ? [namespacedKey(metadata.namespace ?? '', secretName)] : []));
}
