import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  configMaps,
  controllerRevisions,
  daemonSets,
  deployments,
  endpoints,
  endpointSlices,
  jobs,
  namespaces,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  services,
  statefulSets,
} from '../../api/kubernetes/kinds.ts';
import type { Deployment, EndpointSlice, Pod, Service, StatefulSet } from '../../api/kubernetes/types.generated.ts';
import type { Client } from '../client/client.ts';
import { isReady } from './pod-facts.ts';
import { fakeCluster } from './cluster.fake.ts';

const namespace = 'default';
const labels = { app: 'web' };
const template = {
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'busybox', ports: [{ name: 'http', containerPort: 80 }] }] },
};

const deployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace, name: 'web' },
  spec: { replicas: 3, selector: { matchLabels: labels }, template },
};
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name: 'web' },
  spec: { selector: labels, ports: [{ name: 'http', port: 8080, targetPort: 'http' }] },
};

const ready =
  (count: number) =>
  (all: readonly Pod[]): boolean =>
    all.length === count && all.every((pod) => isReady(pod) && !pod.metadata.deletionTimestamp);
const names = (all: readonly { readonly metadata: { readonly name?: string } }[]): (string | undefined)[] =>
  all.map(({ metadata }) => metadata.name);

interface World {
  readonly client: Client & { readonly writes?: number };
}

/** The controllers and the scheduler together, on any API. */
export function controllersSuite(name: string, open: () => Promise<World & AsyncDisposable>): void {
  test(`${name}: a Deployment comes up, heals, rolls, rolls back, and goes with everything it owns`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    await client.create(deployments, deployment);
    const [victim] = await until(pods, ready(3));
    await until(deployments, ([one]) => one?.status?.availableReplicas === 3 && one.status.observedGeneration === one.metadata.generation);
    await client.delete(pods, { namespace, name: victim?.metadata.name ?? '' });
    await until(pods, (all) => ready(3)(all) && !names(all).includes(victim?.metadata.name));

    const change = (image: string): Promise<Deployment> =>
      client.patch(
        deployments,
        { namespace, name: 'web' },
        { type: 'merge', body: { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } } },
      );
    await change('busybox:2');
    await until(pods, (all) => ready(3)(all) && all.every((pod) => pod.spec?.containers[0]?.image === 'busybox:2'));
    await until(deployments, ([one]) => one?.status?.updatedReplicas === 3 && one.status.replicas === 3);
    await change('busybox');
    await until(pods, (all) => ready(3)(all) && all.every((pod) => pod.spec?.containers[0]?.image === 'busybox'));
    await until(deployments, ([one]) => one?.metadata.annotations?.['deployment.kubernetes.io/revision'] === '3');

    await client.delete(deployments, { namespace, name: 'web' }, { propagationPolicy: 'Background' });
    await until(replicaSets, (all) => all.length === 0);
    await until(pods, (all) => all.length === 0);
  });

  test(`${name}: a Service follows its pods`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    await client.create(services, service);
    await client.create(deployments, deployment);
    const ofWeb = (all: readonly EndpointSlice[]): readonly EndpointSlice[] =>
      all.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web');
    const readyIn = (all: readonly EndpointSlice[]): number =>
      ofWeb(all)
        .flatMap((slice) => slice.endpoints ?? [])
        .filter((one) => one.conditions?.ready).length;
    const slices = ofWeb(await until(endpointSlices, (all) => readyIn(all) === 3));
    assert.deepEqual([slices.length, slices[0]?.ports?.[0]?.port], [1, 80]);
    await client.patch(deployments, { namespace, name: 'web' }, { type: 'merge', body: { spec: { replicas: 0 } } });
    await until(endpointSlices, (all) => ofWeb(all).every((slice) => (slice.endpoints ?? []).length === 0));
    await client.delete(services, { namespace, name: 'web' });
    await until(endpointSlices, (all) => ofWeb(all).length === 0);
    await until(endpoints, (all) => !names(all).includes('web'));
  });

  test(`${name}: a StatefulSet comes up in order with claims of its own, which outlive it`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    await client.create(statefulSets, statefulSet());
    await until(pods, ready(2));
    await until(statefulSets, ([set]) => set?.status?.readyReplicas === 2 && set.status.currentRevision === set.status.updateRevision);
    const claims = await until(persistentVolumeClaims, (all) => all.length === 2 && all.every((claim) => claim.status?.phase === 'Bound'));
    assert.deepEqual(names(claims), ['data-db-0', 'data-db-1']);
    await client.delete(pods, { namespace, name: 'db-0' });
    await until(pods, ready(2));
    await client.delete(statefulSets, { namespace, name: 'db' }, { propagationPolicy: 'Foreground' });
    await until(statefulSets, (all) => all.length === 0);
    await until(pods, (all) => all.length === 0);
    for (const claim of names(claims)) await client.delete(persistentVolumeClaims, { namespace, name: claim ?? '' });
    await until(persistentVolumes, (all) => all.length === 0);
  });

  test(`${name}: a DaemonSet has a pod on each node, also on one that comes later, and rolls`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    const spec = { selector: { matchLabels: labels }, template };
    await client.create(daemonSets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { namespace, name: 'agent' }, spec });
    await until(pods, ready(1));
    await cluster.addNode('node-b');
    const both = await until(pods, ready(2));
    assert.deepEqual(both.map((pod) => pod.spec?.nodeName).toSorted(), ['node-a', 'node-b']);
    await until(daemonSets, ([set]) => set?.status?.numberAvailable === 2 && set.status.desiredNumberScheduled === 2);
    const containers = [{ name: 'c', image: 'busybox:2' }];
    const body = { spec: { template: { spec: { containers } } } };
    await client.patch(daemonSets, { namespace, name: 'agent' }, { type: 'merge', body });
    await until(pods, (all) => ready(2)(all) && all.every((pod) => pod.spec?.containers[0]?.image === 'busybox:2'));
    await until(controllerRevisions, (all) => all.length === 2);
    await client.delete(daemonSets, { namespace, name: 'agent' }, { propagationPolicy: 'Background' });
    await until(pods, (all) => all.length === 0);
  });

  test(`${name}: a Job starts its pods and takes them along when it is deleted`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    // What the API server fills in; the fake does not.
    const matchLabels = { app: 'work' };
    const podTemplate = { metadata: { labels: matchLabels }, spec: { ...template.spec, restartPolicy: 'Never' } };
    const spec = { manualSelector: true, completions: 2, parallelism: 2, selector: { matchLabels }, template: podTemplate };
    await client.create(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace, name: 'work' }, spec });
    await until(pods, ready(2));
    await until(jobs, ([job]) => job?.status?.active === 2 && job.status.ready === 2);
    await client.delete(jobs, { namespace, name: 'work' }, { propagationPolicy: 'Foreground' });
    await until(pods, (all) => all.length === 0);
    await until(jobs, (all) => all.length === 0);
  });

  test(`${name}: a ReplicationController keeps its pods, a budget counts them`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    const metadata = { namespace, name: 'old' };
    const budget = { maxUnavailable: 1, selector: { matchLabels: labels } };
    await client.create(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec: budget });
    const spec = { replicas: 2, selector: labels, template };
    await client.create(replicationControllers, { apiVersion: 'v1', kind: 'ReplicationController', metadata, spec });
    await until(pods, ready(2));
    await until(podDisruptionBudgets, ([one]) => one?.status?.disruptionsAllowed === 1 && one.status.expectedPods === 2);
  });

  test(`${name}: orphans stay`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    await client.create(deployments, deployment);
    await until(pods, ready(3));
    await client.delete(deployments, { namespace, name: 'web' }, { propagationPolicy: 'Orphan' });
    await until(deployments, (all) => all.length === 0);
    const [orphan] = await until(replicaSets, (all) => all.every(({ metadata }) => (metadata.ownerReferences ?? []).length === 0));
    assert.equal(orphan?.spec?.replicas, 3);
  });

  test(`${name}: a deleted namespace takes its contents along`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    const spec = { finalizers: ['kubernetes'] };
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' }, spec });
    await client.create(deployments, { ...deployment, metadata: { namespace: 'shop', name: 'web' } });
    await client.delete(namespaces, { name: 'shop' });
    await until(namespaces, (all) => !names(all).includes('shop'));
    assert.deepEqual((await client.list(pods, { namespace: 'shop' })).items, []);
    await until(serviceAccounts, (all) => names(all).includes('default'));
    const [published] = await until(configMaps, (all) => names(all).includes('kube-root-ca.crt'));
    assert.equal(published?.data?.['ca.crt'], 'CA');
  });

  test(`${name}: a pod that fits nowhere says why, and is placed when there is room`, async () => {
    await using world = await open();
    await using cluster = await fakeCluster(world.client);
    const { client, until } = cluster;
    await client.create(pods, podOf('big', '2'));
    await until(pods, ready(1));
    await client.create(pods, podOf('waiting', '1'));
    const all = await until(pods, (some) => some.some((pod) => pod.status?.conditions?.some(({ reason }) => reason === 'Unschedulable')));
    const condition = all.find((pod) => pod.metadata.name === 'waiting')?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    assert.match(condition?.message ?? '', /^0\/1 nodes are available: 1 Insufficient cpu\. preemption: 0\/1 nodes are available: /);
    await client.delete(pods, { namespace, name: 'big' });
    await until(pods, (some) => ready(1)(some) && some[0]?.metadata.name === 'waiting');
  });
}

function podOf(name: string, cpu: string): Pod {
  const containers = [{ name: 'c', image: 'busybox', resources: { requests: { cpu } } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec: { containers } };
}

function statefulSet(): StatefulSet {
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace, name: 'db' },
    spec: { replicas: 2, serviceName: 'db', selector: { matchLabels: labels }, template, volumeClaimTemplates: [claim] },
  };
}
