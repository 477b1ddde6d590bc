import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namespaces, nodes, pods, type Kind, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Node, Pod } from '../../api/kubernetes/types.generated.ts';
import { silentLog } from '../../base/log.ts';
import type { Client } from '../client/client.ts';
import { objectKey } from '../client/acts.ts';
import { informer, type Informer } from '../client/informer.ts';
import { keyOf } from '../client/object-cache.ts';
import { startScheduler } from '../scheduler/start.ts';
import { ignoring } from './random/ignoring.fake.ts';
import { startControllers } from './start.ts';

export interface FakeCluster extends AsyncDisposable {
  readonly client: Client;
  /** One more node like the first. */
  addNode(name: string): Promise<void>;
  /** Waits until the objects of a kind in namespace `default` fulfil the condition; returns them. */
  until<T extends KubernetesObject>(kind: Kind<T>, holds: (objects: readonly T[]) => boolean): Promise<readonly T[]>;
}

/** All controllers and the scheduler on a client, with one node whose pods run, are Ready at once and end when told. */
export async function fakeCluster(client: Client): Promise<FakeCluster> {
  await using starting = new AsyncDisposableStack();
  const volumesFolder = mkdtempSync(join(tmpdir(), 'davit-volumes-'));
  starting.defer(() => rmSync(volumesFolder, { recursive: true, force: true }));
  const informers = new Map<Kind, Informer<KubernetesObject>>();
  const watchers = starting.use(new AsyncDisposableStack());
  starting.use(await startControllers({ client, log: silentLog, rootCa: 'CA', volumesFolder, balancerPool: '192.0.2.0/28' }));
  starting.use(await startScheduler({ client, log: silentLog }));
  await client
    .create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: { finalizers: ['kubernetes'] } })
    .catch(ignoring('alreadyExists'));
  await addNode(client, 'node-a');
  starting.use(fakeKubelet(client));
  const running = starting.move();
  return {
    client,
    addNode: (name) => addNode(client, name),
    async until(kind, holds) {
      const known = informers.get(kind) ?? watchers.use(informer<KubernetesObject>(client, kind as Kind));
      informers.set(kind, known);
      await known.synced;
      const inDefault = (): readonly KubernetesObject[] =>
        known.list().filter(({ metadata }) => !metadata.namespace || metadata.namespace === 'default');
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = (): void => {
        if (holds(inDefault() as never)) resolve();
      };
      known.onChange(check);
      check();
      await promise;
      return inDefault() as never;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function addNode(client: Client, name: string): Promise<void> {
  const registered = await client.create(nodes, fakeNode(name));
  await client.update(nodes, { ...registered, status: fakeNode(name).status }, 'status');
}

function fakeNode(name: string): Node {
  const status = {
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {}, status };
}

function fakeKubelet(client: Client): AsyncDisposable {
  let count = 0;
  let work = Promise.resolve();
  const watched = informer(client, pods);
  watched.onChange(({ object, type }) => {
    if (type === 'deleted' || !object.spec?.nodeName) return;
    const key = objectKey(keyOf(object));
    const act = async (): Promise<void> => {
      if (object.metadata.deletionTimestamp) await client.delete(pods, key, { gracePeriodSeconds: 0 });
      else if (object.status?.phase !== 'Running')
        await client.patch(pods, key, { type: 'merge', body: { status: runningStatus(object, ++count) } }, 'status');
    };
    work = work.then(act).catch(ignoring('notFound'));
  });
  return {
    async [Symbol.asyncDispose]() {
      await watched[Symbol.asyncDispose]();
      await work;
    },
  };
}

function runningStatus(pod: Pod, count: number): Pod['status'] {
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const podIP = `10.244.0.${count}`;
  return { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [...(pod.status?.conditions ?? []), ready] };
}
