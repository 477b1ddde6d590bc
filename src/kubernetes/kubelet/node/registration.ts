import { leases, namespaces, nodes } from '../../../api/kubernetes/kinds.ts';
import type { ContainerImage, Lease, Node } from '../../../api/kubernetes/types.generated.ts';
import { delay } from '../../../base/abort.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Images } from '../../../engine/images/images.ts';
import type { Client } from '../../client/client.ts';
import { nodeLabels, nodeObject, nodeStatus, type HostFacts } from './node-object.ts';

const leaseNamespace = 'kube-node-lease';
const renewMs = 10_000;
const retryMs = 500;
/** Every 30th renewal (5 min) the whole status is written too, as upstream does when nothing changes. */
const statusEvery = 30;
const maximumImages = 50;

export interface RegistrationOptions {
  readonly client: Client;
  readonly images: Pick<Images, 'list'>;
  readonly facts: HostFacts;
  readonly log: Log;
  /** Conditions that are true of the node besides Ready. */
  readonly pressures: () => ReadonlySet<string>;
}

export interface Registration extends AsyncDisposable {
  /** The node has changed: its status is written now. */
  refresh(): void;
}

/** Makes the Node exist and keeps saying that it is alive; while the API server is away it tries again twice a second. */
export function registerNode(options: RegistrationOptions): Registration {
  const stop = new AbortController();
  const wish: Wish = { isStale: true, wake: new AbortController() };
  const beating = keepAlive(options, wish, stop.signal);
  return {
    refresh() {
      wish.isStale = true;
      wish.wake.abort();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await beating;
    },
  };
}

/** What the next beat has to do besides. */
interface Wish {
  isStale: boolean;
  wake: AbortController;
}

async function keepAlive(options: RegistrationOptions, wish: Wish, signal: AbortSignal): Promise<void> {
  let beats = 0;
  while (!signal.aborted) {
    let nextMs = renewMs;
    wish.wake = new AbortController();
    const isDue = wish.isStale || beats % statusEvery === 0;
    wish.isStale = false;
    try {
      if (isDue) await writeNode(options);
      await renewLease(options);
      beats += 1;
    } catch (error) {
      options.log.debug({ error: messageOf(error) }, 'node heartbeat');
      wish.isStale = true;
      nextMs = retryMs;
    }
    await delay(nextMs, AbortSignal.any([signal, wish.wake.signal])).catch(() => undefined);
  }
}

async function writeNode({ client, images, facts, pressures }: RegistrationOptions): Promise<void> {
  const key = { name: facts.nodeName };
  const node = await orCreate(
    () => client.get(nodes, key),
    () => client.create(nodes, nodeObject(facts, new Date())),
  );
  const labels = nodeLabels(facts);
  const needsMeta =
    Object.entries(labels).some(([name, value]) => node.metadata.labels?.[name] !== value) || node.spec?.podCIDR !== facts.podCidr;
  if (needsMeta) {
    const spec = { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] };
    await client.patch(nodes, key, { type: 'merge', body: { metadata: { labels }, spec } });
  }
  const status = nodeStatus(facts, node.status, await imagesOf(images), new Date(), pressures());
  await client.patch<Node>(nodes, key, { type: 'merge', body: { status } }, 'status');
}

async function renewLease({ client, facts }: RegistrationOptions): Promise<void> {
  const key = { namespace: leaseNamespace, name: facts.nodeName };
  const spec = { holderIdentity: facts.nodeName, leaseDurationSeconds: 40, renewTime: microTime(new Date()) };
  const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key, spec };
  try {
    await client.patch(leases, key, { type: 'merge', body: { spec } });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: leaseNamespace } };
    await orCreate(
      () => client.get(namespaces, { name: leaseNamespace }),
      () => client.create(namespaces, namespace),
    );
    await client.create(leases, lease);
  }
}

async function imagesOf(images: Pick<Images, 'list'>): Promise<readonly ContainerImage[]> {
  const all = (await images.list()).filter((image) => image.names.length > 0).toSorted((a, b) => b.bytes - a.bytes);
  return all.slice(0, maximumImages).map((image) => ({ names: [...image.digests, ...image.names], sizeBytes: image.bytes }));
}

async function orCreate<T>(get: () => Promise<T>, create: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
  }
  try {
    return await create();
  } catch (error) {
    if (!isKind(error, 'alreadyExists')) throw error;
    return get();
  }
}

/** metav1.MicroTime. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
