import { configMaps, endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import { isKind } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client } from '../client/client.ts';
import { informer } from '../client/informer.ts';
import { hostResolvers } from './forward.ts';
import { Responder } from './responder.ts';
import { serveDns } from './server.ts';
import { hostUpstreams, parseUpstreams } from './upstreams.ts';
import { buildZone, type Zone } from './zone.ts';

export interface DnsOptions {
  readonly client: Client;
  readonly kernel: Pick<Kernel, 'links'>;
  /** The cluster DNS address; put on the pod bridge so that pods reach it without any translation. */
  readonly address: string;
  readonly port: number;
  readonly bridgeName: string;
  readonly clusterDomain: string;
  readonly log: Log;
}

/** Cluster DNS for this host's pods. The zone is built when it is asked for after a change, not at every change. */
export async function startDns(options: DnsOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const { client, kernel, log, address, port, bridgeName, clusterDomain } = options;
  const [allServices, allSlices] = [
    starting.use(informer(client, services, { log })),
    starting.use(informer(client, endpointSlices, { log })),
  ];
  const settings = starting.use(informer(client, configMaps, { log, namespace: 'kube-system', fieldSelector: 'metadata.name=kube-dns' }));
  let upstreams = hostUpstreams;
  let zone: Zone | undefined;
  const responder = new Responder({
    zone: () => (zone ??= buildZone(allServices.list(), allSlices.list(), clusterDomain, address)),
    upstreams: () => upstreams,
    hostResolvers,
    log,
  });
  settings.onChange(({ type, object }) => {
    const parsed = parseUpstreams(type === 'deleted' ? undefined : object);
    for (const problem of parsed.problems) log.warn({ problem }, 'ConfigMap kube-system/kube-dns');
    upstreams = parsed.upstreams;
    responder.forget();
  });
  for (const source of [allServices, allSlices]) source.onChange(() => (zone = undefined));
  addAddress(kernel, bridgeName, `${address}/32`);
  starting.use(await serveDns({ address, port, answer: (message, transport) => responder.answer(message, transport), log }));
  return starting.move();
}

function addAddress(kernel: Pick<Kernel, 'links'>, name: string, cidr: string): void {
  try {
    kernel.links.apply([{ do: 'addAddress', name, cidr }]);
  } catch (error) {
    if (!isKind(error, 'alreadyExists')) throw error;
  }
}
