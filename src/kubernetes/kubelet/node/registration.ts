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
}

/** Makes the Node exist and keeps saying that it is alive; while the API server is away it tries again twice a second. */
export function registerNode(options: RegistrationOptions): AsyncDisposable {
  const stop = new AbortController();
  const beating = keepAlive(options, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await beating;
    },
  };
}

async function keepAlive(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  let beats = 0;
  while (!signal.aborted) {
    let nextMs = renewMs;
    try {
      if (beats % statusEvery === 0) await writeNode(options);
      await renewLease(options);
      beats += 1;
    } catch (error) {
      options.log.debug({ error: messageOf(error) }, 'node heartbeat');
      beats = 0;
      nextMs = retryMs;
    }
    await delay(nextMs, signal).catch(() => undefined);
  }
}

async function writeNode({ client, images, facts }: RegistrationOptions): Promise<void> {
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
  const status = nodeStatus(facts, node.status, await imagesOf(images), new Date());
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
