import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configMaps, pods, secrets } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client, TokenClient } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { eventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import { informer, type Informer } from '../client/informer.ts';
import { keyOf } from '../client/object-cache.ts';
import { Evictor } from './eviction/evictor.ts';
import { observeHost, PodMeasure } from './eviction/measure.ts';
import type { Observations } from './eviction/pressure.ts';
import { reclaimDisk } from './eviction/reclaim.ts';
import { defaultHard, parseThresholds } from './eviction/thresholds.ts';
import { followEngine } from './engine-events.ts';
import { hostFacts } from './node/host-facts.ts';
import { capacityOf, type HostFacts } from './node/node-object.ts';
import { registerNode, type Registration } from './node/registration.ts';
import { Allocations } from './pod/allocations.ts';
import { hostDns } from './pod/host-dns.ts';
import { ensurePodNetwork, podNetworkName } from './pod/network.ts';
import { PodImages } from './pod/images.ts';
import { PullRecords } from './pod/pull-records.ts';
import { podReferences } from './pod/objects.ts';
import { podLabels } from './pod/observed.ts';
import { podRecorder } from './pod/recorder.ts';
import { PodRuntime, type PodRuntimeOptions } from './pod/runtime.ts';
import { PodSources } from './pod/pod-sources.ts';
import { StatusWriter } from './pod/status-writer.ts';
import { TerminationMessages } from './pod/termination-messages.ts';
import { PodSync } from './pod-sync.ts';
import { PodTokens } from './pod/tokens.ts';
import { Prober } from './probes/prober.ts';
import { StaticPods } from './static/static-pods.ts';
import { serveKubelet } from './server/serve.ts';
import { Tasks } from './tasks.ts';
import { PodVolumes } from './volumes/volumes.ts';

export interface KubeletOptions {
  readonly client: Client;
  /** Whom pods' tokens are asked of; undefined: pods get none. */
  readonly tokens?: TokenClient;
  readonly engine: Engine;
  readonly kernel: Kernel;
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Address of the HTTPS server; all when undefined. */
  readonly address?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly podCidr: string;
  readonly podBridgeName: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Volumes of pods: `<dataRoot>/pods/<uid>`. */
  readonly dataRoot: string;
  readonly cgroupParent: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly log: Log;
  /** Folder of manifests of static pods. */
  readonly podManifestPath?: string;
  /** `memory.available<100Mi,…`; '': nothing is evicted. Soft ones with their grace periods, `memory.available=1m30s`. */
  readonly evictionHard?: string;
  readonly evictionSoft?: string;
  readonly evictionSoftGracePeriod?: string;
  /** What the host has left; asked every ten seconds. */
  readonly observe?: () => Promise<Observations>;
  readonly evictionIntervalMs?: number;
}

export interface Kubelet extends AsyncDisposable {
  readonly port: number;
}

const workers = 16;

/**
 * The kubelet: registers the node, keeps what runs in line with the pods bound to it, and serves logs, exec and
 * port-forward. Disposing it, like killing it, leaves every container running.
 */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { client, engine, kernel, nodeName, nodeIp, podCidr, log } = options;
  await using starting = new AsyncDisposableStack();
  const root = join(options.dataRoot, 'pods');
  await mkdir(root, { recursive: true, mode: 0o750 });
  await ensurePodNetwork(engine, podCidr, options.podBridgeName);
  const cache = starting.use(informer(client, pods, { fieldSelector: `spec.nodeName=${nodeName}`, log }));
  const loop: { enqueue?: (key: string, cause: string) => void } = {};
  const statics = starting.use(
    new StaticPods({
      folder: options.podManifestPath,
      nodeName,
      client,
      shown: (key) => cache.get(key),
      changed: (key, cause) => loop.enqueue?.(key, cause),
      log,
    }),
  );
  await statics.start();
  const server = starting.use(
    await serveKubelet({
      engine,
      kernel,
      nodeName,
      address: options.address ?? '0.0.0.0',
      port: options.port,
      tls: options.tls,
      pods: () => runs(cache, statics),
      log,
    }),
  );
  const facts = await hostFacts({ nodeName, nodeIp, port: server.port, podCidr, runtimeVersion: 'davit://0.1.0' }, options.dataRoot);
  const node: { registration?: Registration } = {};
  const evictor = await startLoop(
    options,
    facts,
    { cache, statics, loop, root, pressureChanged: () => node.registration?.refresh() },
    starting,
  );
  node.registration = starting.use(registerNode({ client, images: engine.images, facts, log, pressures: () => evictor.conditions }));
  const running = starting.move();
  return { port: server.port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

interface LoopParts {
  readonly cache: Informer<Pod>;
  readonly statics: StaticPods;
  /** Told how a pod is looked at again. */
  readonly loop: { enqueue?: (key: string, cause: string) => void };
  /** Folder of the pods' volumes. */
  readonly root: string;
  readonly pressureChanged: () => void;
}

/** The loop over pods with all that wakes it: the API server, the engine, probes, configuration, what was left behind. */
async function startLoop(options: KubeletOptions, facts: HostFacts, parts: LoopParts, owner: AsyncDisposableStack): Promise<Evictor> {
  const { client, engine, kernel, nodeName, nodeIp, log } = options;
  const { cache, statics, root } = parts;
  const events = owner.use(eventRecorder({ client, component: 'kubelet', host: nodeName, log }));
  const recorder = podRecorder(events);
  const tasks = owner.use(new Tasks((task, error) => log.warn({ task, error: messageOf(error) }, 'task failed')));
  const loop: { current?: Controller } = {};
  const enqueue = (key: string, cause: string): void => loop.current?.enqueue(key, cause);
  const prober = owner.use(
    new Prober({
      execs: engine.execs,
      changed: (pod, kind) => enqueue(keyOf(pod), `${kind} probe`),
      unhealthy: (pod, container, message) => recorder.record(pod, 'Warning', 'Unhealthy', message, container),
    }),
  );
  const volumes = new PodVolumes(root, kernel);
  const runtime = await podRuntime(options, facts, { volumes, tasks, recorder });
  const status = owner.use(new StatusWriter(client, log, (pod) => statics.shownUid(pod)));
  const messages = new TerminationMessages(volumes, engine.containers);
  const evictor = owner.use(startEvictor(options, parts, { enqueue, events }));
  const allocations = new Allocations(capacityOf(facts), () => runs(cache, statics));
  const sync = new PodSync({
    client,
    engine,
    kernel,
    runtime,
    prober,
    recorder,
    nodeIp,
    log,
    enqueue,
    status,
    messages,
    pod: (key) => statics.pod(key),
    evictor,
    allocations,
    memoryCapacity: facts.memoryBytes,
  });
  const reconcile = async (key: string): Promise<{ readonly requeueAfterMs: number } | undefined> => {
    await statics.mirror(key);
    return asLater(await sync.reconcile(key));
  };
  loop.current = owner.use(startController({ name: 'kubelet', client, sources: [watching(cache)], reconcile, log, workers }));
  const configuration = [informer(client, configMaps, { log }), informer(client, secrets, { log })] as const;
  for (const each of configuration) owner.use(each);
  followConfiguration(configuration, cache, (reader) => {
    sync.expire(reader.metadata.uid ?? '');
    enqueue(keyOf(reader), 'configuration');
  });
  owner.use(following(engine, enqueue, log));
  await enqueueLeftovers(engine, enqueue);
  parts.loop.enqueue = enqueue;
  for (const key of statics.keys()) enqueue(key, 'manifest');
  return evictor;
}

function following(engine: Engine, enqueue: (key: string, cause: string) => void, log: Log): AsyncDisposable {
  const stopping = new AbortController();
  const ended = followEngine(engine, enqueue, log, stopping.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/** Every pod that is to run here. */
function runs(cache: Informer<Pod>, statics: StaticPods): readonly Pod[] {
  const keys = new Set([...cache.list().map(keyOf), ...statics.keys()]);
  return [...keys].map((key) => statics.pod(key)).filter((pod) => pod !== undefined);
}

function startEvictor(
  options: KubeletOptions,
  { cache, statics, root, pressureChanged }: LoopParts,
  parts: { readonly enqueue: (key: string, cause: string) => void; readonly events: EventRecorder },
): Evictor {
  const { engine, nodeName, dataRoot, log, evictionIntervalMs } = options;
  const { evictionHard = defaultHard, evictionSoft = '', evictionSoftGracePeriod = '' } = options;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  return new Evictor({
    thresholds: [...parseThresholds(evictionHard), ...parseThresholds(evictionSoft, evictionSoftGracePeriod)],
    observe: options.observe ?? (() => observeHost(dataRoot)),
    measure: new PodMeasure(engine, root),
    pods: () => runs(cache, statics),
    reclaimDisk: () => reclaimDisk(engine, runs(cache, statics)),
    enqueue: parts.enqueue,
    changed: pressureChanged,
    tell: (reason, message) => parts.events.record(node, 'Warning', reason, message),
    recorder: podRecorder(parts.events),
    log,
    ...(evictionIntervalMs !== undefined && { intervalMs: evictionIntervalMs }),
  });
}

async function podRuntime(
  options: KubeletOptions,
  facts: HostFacts,
  parts: Pick<PodRuntimeOptions, 'volumes' | 'tasks' | 'recorder'>,
): Promise<PodRuntime> {
  const { client, engine, kernel, nodeName, nodeIp, clusterDns, clusterDomain, cgroupParent, log } = options;
  const sandbox = { network: podNetworkName, clusterDns, clusterDomain, nodeName, hostDns: hostDns(await resolvConf()) };
  const records = new PullRecords(join(options.dataRoot, 'image-pulls.json'));
  const images = new PodImages({ images: engine.images, tasks: parts.tasks, recorder: parts.recorder, records });
  const sources = new PodSources(client, new PodTokens(options.tokens));
  const allocatable = capacityOf(facts);
  return new PodRuntime({
    ...parts,
    engine,
    kernel,
    log,
    images,
    sources,
    sandbox,
    nodeIp,
    cgroupParent,
    memoryCapacity: facts.memoryBytes,
    allocatable,
  });
}

function asLater(result: { readonly requeueAfterMs?: number }): { readonly requeueAfterMs: number } | undefined {
  return result.requeueAfterMs === undefined ? undefined : { requeueAfterMs: result.requeueAfterMs };
}

/** A change of a ConfigMap or Secret concerns the pods that read it. */
function followConfiguration(
  sources: readonly Informer<{ readonly apiVersion: string; readonly kind: string; readonly metadata: Pod['metadata'] }>[],
  cache: Informer<Pod>,
  changed: (pod: Pod) => void,
): void {
  for (const source of sources) {
    const prefix = source.kind.kind === 'Secret' ? 'secret' : 'configmap';
    source.onChange(({ object }) => {
      for (const pod of cache.list()) {
        const reads = pod.metadata.namespace === object.metadata.namespace && podReferences(pod).has(`${prefix}/${object.metadata.name}`);
        if (reads) changed(pod);
      }
    });
  }
}

/** Sandboxes that outlived their pods while davit was away are looked at like any other change. */
async function enqueueLeftovers(engine: Engine, enqueue: (key: string, cause: string) => void): Promise<void> {
  for (const { spec } of await engine.sandboxes.list()) {
    const [namespace, name] = [spec.labels[podLabels.namespace], spec.labels[podLabels.name]];
    if (namespace && name) enqueue(`${namespace}/${name}`, 'start');
  }
}

async function resolvConf(): Promise<string> {
  return readFile('/etc/resolv.conf', 'utf8').catch(() => '');
}
