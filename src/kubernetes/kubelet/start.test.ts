import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configMaps, events, nodes, pods } from '../../api/kubernetes/kinds.ts';
import type { ContainerState, Pod, ResourceRequirements } from '../../api/kubernetes/types.generated.ts';
import { delay } from '../../base/abort.ts';
import { isKind, KindError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { createAuthority, issueCertificate } from '../../daemon/pki.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { FakeClient } from '../client/client.fake.ts';
import type { Observations } from './eviction/pressure.ts';
import { FakeEngine } from './engine.fake.ts';
import { startKubelet, type Kubelet } from './start.ts';

const authority = await createAuthority('test');
const own = await issueCertificate(authority, { commonName: 'system:node:n1', organization: 'system:nodes', hosts: ['127.0.0.1'] });

class World implements AsyncDisposable {
  readonly client = new FakeClient();
  /** The API server as the kubelet meets it: it answers, refuses every connection, or says nothing. */
  server: 'answers' | 'refuses' | 'is silent' = 'answers';
  readonly engine = new FakeEngine();
  /** What the host has left. */
  left: Observations = {};
  observe: () => Observations = () => this.left;
  readonly root: string;
  #kubelet: Kubelet | undefined;

  constructor(root: string) {
    this.root = root;
  }

  static async start(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'kubelet-')));
    world.engine.addImage('busybox:1');
    await world.run();
    return world;
  }

  async run(): Promise<void> {
    const common = {
      nodeName: 'n1',
      nodeIp: '192.0.2.1',
      address: '127.0.0.1',
      port: 0,
      podCidr: '10.244.0.0/24',
      podBridgeName: 'davit0',
    };
    const cluster = { clusterDns: '10.96.0.10', clusterDomain: 'cluster.local', dataRoot: this.root, cgroupParent: '/davit-test' };
    const parts = {
      client: this.#asMet(),
      engine: this.engine.asEngine(),
      kernel: fakeKernel(),
      tls: { ca: authority.cert, ...own },
      log: silentLog,
      observe: async () => this.observe(),
      evictionIntervalMs: 20,
    };
    this.#kubelet = await startKubelet({ ...common, ...cluster, ...parts });
  }

  #asMet(): FakeClient {
    return new Proxy(this.client, {
      get: (target, property) => {
        const method: unknown = Reflect.get(target, property);
        if (typeof method !== 'function') return method;
        if (this.server === 'answers' || property === 'watch') return method.bind(target);
        if (this.server === 'is silent')
          return async (...args: readonly unknown[]): Promise<unknown> => {
            while (this.server !== 'answers') await delay(10);
            return Reflect.apply(method, target, args) as unknown;
          };
        return () => Promise.reject(new KindError('unavailable', 'connection refused'));
      },
    });
  }

  async stop(): Promise<void> {
    await this.#kubelet?.[Symbol.asyncDispose]();
  }

  async create(name: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Promise<void> {
    const containers = [{ name: 'app', image: 'busybox:1' }];
    await this.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { containers, nodeName: 'n1', ...spec },
    });
  }

  get(name: string): Promise<Pod> {
    return this.client.get(pods, { namespace: 'default', name });
  }

  async until(name: string, check: (pod: Pod) => boolean): Promise<Pod> {
    return eventually(async () => {
      const pod = await this.get(name);
      assert(check(pod), JSON.stringify(pod.status));
      return pod;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.root, { recursive: true });
  }
}

async function eventually<T>(check: () => Promise<T>): Promise<T> {
  for (let left = 300; ; left--) {
    try {
      return await check();
    } catch (error) {
      if (left === 0) throw error;
    }
    await delay(10);
  }
}

const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const restarts = (pod: Pod): number | undefined => pod.status?.containerStatuses?.[0]?.restartCount;
const waitingFor = (pod: Pod): string | undefined => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;

test('the node is registered, with its capacity', async () => {
  await using world = await World.start();
  const node = await eventually(() => world.client.get(nodes, { name: 'n1' }));
  assert.equal(node.status?.addresses?.[0]?.address, '192.0.2.1');
  assert.equal(node.metadata.labels?.['kubernetes.io/os'], 'linux');
});

test('a pod runs, is restarted at once when its process ends, then backs off, and goes when it is deleted', async () => {
  await using world = await World.start();
  await world.create('web');
  const pod = await world.until('web', isReady);
  const name = `k8s_app_web_default_${pod.metadata.uid}`;
  world.engine.end(`${name}_0`, 137);
  await world.until('web', (each) => isReady(each) && restarts(each) === 1);
  world.engine.end(`${name}_1`, 1);
  await world.until('web', (each) => waitingFor(each) === 'CrashLoopBackOff');
  assert.deepEqual(world.engine.started, [`${name}_0`, `${name}_1`]);
  await world.client.delete(pods, { namespace: 'default', name: 'web' });
  await eventually(() => assert.rejects(world.get('web'), (error) => isKind(error, 'notFound')));
  assert.deepEqual(world.engine.sandboxes(), []);
  const reasons = (await world.client.list(events)).items.map((event) => event.reason);
  for (const reason of ['Pulled', 'Created', 'Started', 'BackOff']) assert(reasons.includes(reason), reason);
});

test('a restarted kubelet restarts no container and writes nothing new', async () => {
  await using world = await World.start();
  await world.create('web');
  await world.until('web', isReady);
  await world.stop();
  const before = await world.get('web');
  await world.run();
  await eventually(async () => assert.equal((await world.client.list(pods)).items.length, 1));
  await world.create('later');
  await world.until('later', isReady);
  assert.deepEqual(await world.get('web'), before);
  assert.equal(world.engine.started.length, 2);
});

test('a pod removed by force takes its sandbox with it', async () => {
  await using world = await World.start();
  await world.create('web');
  await world.until('web', isReady);
  await world.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  await eventually(async () => assert.deepEqual(world.engine.sandboxes(), []));
});

test('memory runs out: who uses more than it asked for goes, the node says so and takes no more; what the pod was told stays', async () => {
  await using world = await World.start();
  world.engine.memoryOf = (name) => (name.includes('greedy') ? 300 : 100) * 2 ** 20;
  const asking = { requests: { memory: '200Mi' } };
  await world.create('greedy', { containers: [{ name: 'app', image: 'busybox:1' }] });
  await world.create('modest', { containers: [{ name: 'app', image: 'busybox:1', resources: asking }] });
  await Promise.all([world.until('greedy', isReady), world.until('modest', isReady)]);
  const isGreedyThere = (): boolean => world.engine.running().some(({ name }) => name.includes('greedy'));
  world.observe = () => ({ 'memory.available': { available: (isGreedyThere() ? 50 : 400) * 2 ** 20, capacity: 2 ** 30 } });
  const pod = await world.until('greedy', (each) => each.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
  const message =
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container app was using 300Mi, request is 0, has larger consumption of memory. ';
  assert.deepEqual([pod.status?.reason, pod.status?.message], ['Evicted', message]);
  const target = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([target?.status, target?.reason, target?.message], ['True', 'TerminationByKubelet', message]);
  assert(isReady(await world.get('modest')), 'one is enough');
  const condition = await eventually(async () => {
    const node = await world.client.get(nodes, { name: 'n1' });
    const found = node.status?.conditions?.find(({ type }) => type === 'MemoryPressure');
    assert.equal(found?.status, 'True');
    return found;
  });
  assert.equal(condition?.reason, 'KubeletHasInsufficientMemory');
  await world.create('late');
  const late = await world.until('late', (each) => each.status?.phase === 'Failed');
  assert.deepEqual([late.status?.reason, late.status?.message], ['Evicted', 'The node had condition: [MemoryPressure]. ']);
  await world.create('asking', { containers: [{ name: 'app', image: 'busybox:1', resources: asking }] });
  await world.until('asking', isReady);
  await world.stop();
  await world.run();
  await world.create('after');
  await world.until('after', isReady);
  assert.equal((await world.get('greedy')).status?.message, message, 'also after a restart');
  const said = (await world.client.list(events)).items.map((event) => event.reason);
  assert(said.includes('Evicted') && said.includes('EvictionThresholdMet'), said.join());
});

test('disk runs out: images that nobody uses go first, and no pod when that is enough', async () => {
  await using world = await World.start();
  world.engine.addImage('unused:1', { digests: ['unused@sha256:1'] });
  world.engine.addImage('built:1');
  await world.create('web');
  await world.until('web', isReady);
  const disk = (available: number): Observations => ({ 'nodefs.available': { available, capacity: 100 } });
  world.left = disk(4);
  const remove = world.engine.images.delete.bind(world.engine.images);
  world.engine.images.delete = (name) => {
    world.left = disk(50);
    return remove(name);
  };
  await eventually(async () => assert.deepEqual([...world.engine.images.keys()], ['busybox:1', 'built:1']));
  await world.create('late');
  await world.until('late', (each) => each.status?.message === 'The node had condition: [DiskPressure]. ');
  assert(isReady(await world.get('web')));
});

test('a pod that has more in an emptyDir than it may goes, though the node has enough', async () => {
  await using world = await World.start();
  await world.create('web', { volumes: [{ name: 'work', emptyDir: { sizeLimit: '64Ki' } }] });
  const pod = await world.until('web', isReady);
  await writeFile(join(world.root, 'pods', pod.metadata.uid ?? '', 'volumes/kubernetes.io~empty-dir/work/file'), Buffer.alloc(100_000));
  const ended = await world.until('web', (each) => each.status?.phase === 'Failed');
  assert.deepEqual(
    [ended.status?.reason, ended.status?.message],
    ['Evicted', 'Usage of EmptyDir volume "work" exceeds the limit "64Ki". '],
  );
});

test('an ephemeral container runs once, also across a restart of the kubelet, and is nothing to whether the pod is ready', async () => {
  await using world = await World.start();
  await world.create('web');
  await world.until('web', isReady);
  const spec = { ephemeralContainers: [{ name: 'debugger', image: 'busybox:1', targetContainerName: 'app' }] };
  const pod = await world.client.patch(pods, { namespace: 'default', name: 'web' }, { type: 'merge', body: { spec } });
  const state = (each: Pod): ContainerState | undefined => each.status?.ephemeralContainerStatuses?.[0]?.state;
  await world.until('web', (each) => state(each)?.running !== undefined);
  const name = `k8s_debugger_web_default_${pod.metadata.uid}_0`;
  const [app, debuggers] = ['_app_', '_debugger_'].map((part) => world.engine.running().find((each) => each.name.includes(part)));
  assert.equal(debuggers?.spec.pidMode, `container:${app?.id}`);
  world.engine.end(name, 3);
  await world.until('web', (each) => state(each)?.terminated?.exitCode === 3 && isReady(each));
  await world.stop();
  await world.run();
  await world.create('later');
  await world.until('later', isReady);
  assert.deepEqual(
    world.engine.started.filter((each) => each.includes('debugger')),
    [name],
  );
  assert.equal(state(await world.get('web'))?.terminated?.exitCode, 3);
});

const cpuOf = (value: string): { readonly resources: ResourceRequirements } => ({
  resources: { requests: { cpu: value }, limits: { cpu: value } },
});
const resize = (world: World, container: object): Promise<Pod> =>
  world.client.patch(pods, { namespace: 'default', name: 'web' }, { type: 'merge', body: { spec: { containers: [container] } } });
const condition = (pod: Pod, type: string): string | undefined => {
  const found = pod.status?.conditions?.find((each) => each.type === type);
  return found && `${found.reason ?? ''}: ${found.message ?? ''}`;
};

test('a resize reaches the running container, or restarts it when it wants that; the status tells what it has', async () => {
  await using world = await World.start();
  const app = { name: 'app', image: 'busybox:1', resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
  await world.create('web', { containers: [{ ...app, ...cpuOf('100m') }] });
  const before = await world.until('web', isReady);
  assert.deepEqual(before.status?.containerStatuses?.[0]?.allocatedResources, { cpu: '100m' });
  await resize(world, { ...app, ...cpuOf('200m') });
  const has = (cpu: string) => (each: Pod) => each.status?.containerStatuses?.[0]?.resources?.limits?.['cpu'] === cpu;
  const pod = await world.until('web', has('200m'));
  assert.equal(world.engine.running()[0]?.spec.limits?.cpuQuotaUs, 20_000);
  assert.deepEqual([restarts(pod), condition(pod, 'PodResizeInProgress')], [0, undefined]);
  const memory = { requests: { cpu: '200m', memory: '32Mi' }, limits: { cpu: '200m', memory: '32Mi' } };
  await resize(world, { ...app, resources: memory });
  await world.until('web', (each) => restarts(each) === 1 && isReady(each));
  assert.equal(world.engine.running()[0]?.spec.limits?.memoryBytes, 32 * 2 ** 20);
});

test('a resize that the node cannot bear waits or is refused, also across a restart of the kubelet, and is taken back by another', async () => {
  await using world = await World.start();
  const node = await eventually(() => world.client.get(nodes, { name: 'n1' }));
  const cpus = Number(node.status?.allocatable?.['cpu']);
  const app = { name: 'app', image: 'busybox:1' };
  await world.create('web', { containers: [{ ...app, ...cpuOf('100m') }] });
  await world.create('other', { containers: [{ ...app, ...cpuOf('500m') }] });
  await Promise.all([world.until('web', isReady), world.until('other', isReady)]);
  await resize(world, { ...app, ...cpuOf(String(cpus + 1)) });
  const refused = await world.until('web', (each) => condition(each, 'PodResizePending') !== undefined);
  const text = `Infeasible: Node didn't have enough capacity: cpu, requested: ${cpus * 1000 + 1000}, capacity: ${cpus * 1000}`;
  assert.equal(condition(refused, 'PodResizePending'), text);
  await world.stop();
  await world.run();
  await resize(world, { ...app, ...cpuOf(String(cpus)) });
  const waiting = await world.until('web', (each) => condition(each, 'PodResizePending')?.startsWith('Deferred') === true);
  assert.match(condition(waiting, 'PodResizePending') ?? '', /cpu, requested: \d+, used: 500, capacity: \d+$/);
  assert.deepEqual(waiting.status?.containerStatuses?.[0]?.allocatedResources, { cpu: '100m' });
  await resize(world, { ...app, ...cpuOf('50m') });
  const pod = await world.until('web', (each) => each.status?.containerStatuses?.[0]?.allocatedResources?.['cpu'] === '50m');
  assert.equal(condition(pod, 'PodResizePending'), undefined);
  assert.equal(world.engine.started.length, 2);
});

test('init containers run before the others', async () => {
  await using world = await World.start();
  await world.create('web', { initContainers: [{ name: 'init', image: 'busybox:1' }] });
  const pod = await world.until('web', (each) => each.status?.initContainerStatuses?.[0]?.state?.running !== undefined);
  assert.equal(waitingFor(pod), 'PodInitializing');
  world.engine.end(`k8s_init_web_default_${pod.metadata.uid}_0`, 0);
  await world.until('web', isReady);
});

test('a postStart hook that fails ends its container, and tells the events nothing of what it said', async () => {
  await using world = await World.start();
  world.engine.exec = () => ({ exitCode: 3, output: 'a password' });
  const lifecycle = { postStart: { exec: { command: ['prepare'] } } };
  await world.create('web', { containers: [{ name: 'app', image: 'busybox:1', lifecycle }] });
  await world.until('web', (each) => waitingFor(each) === 'CrashLoopBackOff');
  const said = (await world.client.list(events)).items.map((event) => `${event.reason}: ${event.message}`);
  assert(said.includes('FailedPostStartHook: PostStartHook failed'), said.join('\n'));
  assert(said.includes('Killing: FailedPostStartHook'));
  assert.doesNotMatch(said.join(), /password/);
});

test('an image that cannot be had is told, and so is a rule that forbids to run', async () => {
  await using world = await World.start();
  await world.create('gone', { containers: [{ name: 'app', image: 'gone:1' }] });
  await world.create('never', { containers: [{ name: 'app', image: 'gone:1', imagePullPolicy: 'Never' }] });
  await world.create('root', { containers: [{ name: 'app', image: 'busybox:1' }], securityContext: { runAsNonRoot: true } });
  await world.until('gone', (pod) => ['ErrImagePull', 'ImagePullBackOff'].includes(waitingFor(pod) ?? ''));
  await world.until('never', (pod) => waitingFor(pod) === 'ErrImageNeverPull');
  await world.until('root', (pod) => waitingFor(pod) === 'CreateContainerConfigError');
});

test('a ConfigMap that comes late lets the pod start, and its changes reach the running pod', async () => {
  await using world = await World.start();
  const volumes = [{ name: 'c', configMap: { name: 'settings' } }];
  await world.create('web', { volumes, containers: [{ name: 'app', image: 'busybox:1', volumeMounts: [{ name: 'c', mountPath: '/c' }] }] });
  await world.until('web', (pod) => waitingFor(pod) === 'ContainerCreating');
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'red' } };
  await world.client.create(configMaps, settings);
  const pod = await world.until('web', isReady);
  const path = join(world.root, 'pods', pod.metadata.uid ?? '', 'volumes/kubernetes.io~configmap/c/colour');
  assert.equal(await readFile(path, 'utf8'), 'red');
  await world.client.patch(configMaps, { namespace: 'default', name: 'settings' }, { type: 'merge', body: { data: { colour: 'blue' } } });
  await eventually(async () => assert.equal(await readFile(path, 'utf8'), 'blue'));
});

for (const server of ['refuses', 'is silent'] as const) {
  test(`the API server ${server}: what ends is started again; afterwards it is told the newest`, async () => {
    await using world = await World.start();
    await world.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'default', name: 'c' },
      data: { a: 'b' },
    });
    await world.create('web', { containers: [{ name: 'app', image: 'busybox:1', envFrom: [{ configMapRef: { name: 'c' } }] }] });
    const pod = await world.until('web', isReady);
    const name = `k8s_app_web_default_${pod.metadata.uid}`;
    world.server = server;
    world.engine.end(`${name}_0`, 137);
    await eventually(async () => assert.deepEqual(world.engine.started, [`${name}_0`, `${name}_1`]));
    world.server = 'answers';
    await world.until('web', (each) => isReady(each) && restarts(each) === 1);
  });
}

test('what somebody else wrote into a status is put right: the node was given up and is back', async () => {
  await using world = await World.start();
  await world.create('web');
  const pod = await world.until('web', isReady);
  const conditions = (pod.status?.conditions ?? []).map((one) => (one.type === 'Ready' ? { ...one, status: 'False' } : one));
  await world.client.patch(pods, { namespace: 'default', name: 'web' }, { type: 'merge', body: { status: { conditions } } }, 'status');
  await world.until('web', isReady);
});
