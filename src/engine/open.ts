import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Store } from '../store/store.ts';
import { createBuilder } from './build/create-builder.ts';
import { createConnector } from './containers/connections.ts';
import { HealthMonitor } from './containers/health.ts';
import { nameAnew, type LaunchParts } from './containers/launch.ts';
import { Lifecycle } from './containers/lifecycle.ts';
import { openContainers } from './containers/open-containers.ts';
import { pathsOf } from './containers/paths.ts';
import { openExecs, type ExecRoom } from './containers/open-execs.ts';
import { openSandboxes, type SandboxRoom } from './containers/open-sandboxes.ts';
import type { ContainerRecord } from './containers/record.ts';
import { Registry } from './containers/registry.ts';
import { createStepRunner } from './containers/step-runner.ts';
import { takeOver } from './containers/take-over.ts';
import type { Engine, EngineConfig } from './engine.ts';
import type { Events } from './events/events.ts';
import { createEvents } from './events/ring.ts';
import { readHostFacts } from './host-facts.ts';
import type { Images, ImageUser } from './images/images.ts';
import { openImages } from './images/open.ts';
import { LogRotator } from './logs/log-rotator.ts';
import { EmbeddedDns } from './network/embedded-dns.ts';
import { NetworkGuard } from './network/network-guard.ts';
import { NetworkRoom } from './network/open-networks.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import { openVolumes } from './volumes/open-volumes.ts';
import type { Volumes } from './volumes/volumes.ts';

export interface OpenEngineOptions {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly config: EngineConfig;
  readonly log: Log;
}

export interface OpenedEngine extends Engine {
  /** `davit down`: removes every container and sandbox, then bridges and rules. Images and volumes stay. */
  destroy(): Promise<void>;
}

/** Opens the engine over what an earlier one left: containers that run are taken over, those that ended meanwhile get their exit codes. */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { kernel, store, config, log } = options;
  for (const folder of [config.dataRoot, config.runRoot]) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const events = createEvents();
  const registry = new Registry(store);
  const { images, snapshots } = await openImages({ dataRoot: config.dataRoot, kernel, store, events, log, registries: config.registries });
  const volumes = openVolumes({ dataRoot: config.dataRoot, kernel, store, events, usersOf: (name) => volumeUsers(registry, name) });
  const { parts, sandboxes } = await openHostRooms(options, { events, registry, images, snapshots, volumes });
  const { lifecycle, execs, health } = openProcessRooms(parts, { events, log });
  const removeAll = async (records: readonly ContainerRecord[], anonymousVolumes: boolean): Promise<void> => {
    await Promise.all(records.map(({ id }) => lifecycle.remove(id, { force: true, volumes: anonymousVolumes })));
  };
  sandboxes.setRemover((id) =>
    removeAll(
      registry.all().filter(({ spec }) => spec.sandbox === id),
      true,
    ),
  );
  parts.network.setConnector(createConnector({ ...parts, lifecycle, sandboxUsers: (id) => sandboxes.usersOf(id) }));
  images.setUsers(async (id) => imageUsers(registry, id));
  await takeOver(parts, lifecycle, log);
  const rotator = new LogRotator({
    runtime: kernel.runtime,
    containers: () => registry.all(),
    supervision: (id) => pathsOf(config, id).supervision,
    log,
  });
  const guard = new NetworkGuard({ kernel, fabric: parts.network.fabric, log });

  async function close(): Promise<void> {
    await guard[Symbol.asyncDispose]();
    await parts.network.fabric[Symbol.asyncDispose]();
    rotator[Symbol.dispose]();
    health.close();
    execs.close();
    await lifecycle.close();
    await parts.dns[Symbol.asyncDispose]();
    await parts.network.fabric.settled();
  }

  return {
    images,
    builder: createBuilder({ images, snapshots, steps: createStepRunner(parts), store, dataRoot: config.dataRoot, kernel, log }),
    containers: openContainers({ ...parts, images, volumes, lifecycle }),
    execs,
    sandboxes,
    networks: parts.network,
    volumes,
    events,
    config,
    id: await engineId(store),
    async destroy() {
      await Promise.all((await sandboxes.list()).map(({ spec }) => sandboxes.remove(spec.id)));
      await removeAll(registry.all(), false);
      await close();
      await parts.network.fabric.destroy();
      kernel.cgroups.remove(config.cgroupParent);
    },
    [Symbol.asyncDispose]: close,
  };
}

async function engineId(store: Store): Promise<string> {
  const known = store.get('/engine/id')?.value;
  if (known) return Buffer.from(known).toString();
  const id = randomUUID();
  await store.write([{ put: '/engine/id', value: Buffer.from(id) }]);
  return id;
}

/** What gives a container its place on the host: networks, names, pod sandboxes. */
async function openHostRooms(
  { kernel, store, config, log }: OpenEngineOptions,
  {
    events,
    registry,
    images,
    snapshots,
    volumes,
  }: {
    readonly events: Events;
    readonly registry: Registry;
    readonly images: Images;
    readonly snapshots: Snapshots;
    readonly volumes: Volumes;
  },
): Promise<{ readonly parts: LaunchParts; readonly sandboxes: SandboxRoom }> {
  const host = readHostFacts();
  const network = await NetworkRoom.open({ kernel, store, config, events, host, log });
  const serversOf = (id: string): readonly string[] => registry.byId(id)?.spec.dns?.servers ?? [];
  const dns = new EmbeddedDns({ kernel, host, fabric: network.fabric, log, serversOf });
  const sandboxes = openSandboxes({ kernel, store, config, host, network });
  const exposedByImage: LaunchParts['exposedByImage'] = async ({ imageId }) =>
    Object.keys((await images.get(imageId)).config.config.ExposedPorts ?? {});
  const parts: LaunchParts = {
    kernel,
    config,
    host,
    snapshots,
    network,
    dns,
    registry,
    exposedByImage,
    volumes,
    sandbox: (id) => sandboxes.parts(id),
  };
  return { parts, sandboxes };
}

/** What runs and watches processes. */
function openProcessRooms(
  parts: LaunchParts,
  { events, log }: { readonly events: Events; readonly log: Log },
): { readonly lifecycle: Lifecycle; readonly execs: ExecRoom; readonly health: HealthMonitor } {
  const { registry } = parts;
  const lifecycle = new Lifecycle({
    ...parts,
    events,
    log,
    onStarted: (record) => {
      health.start(record, record.spec.healthcheck);
      nameAnew(parts, record);
    },
    onEnded: (id) => health.stop(id),
    onRemoved: (id) => execs.forget(id),
  });
  const execs = openExecs(parts, registry, lifecycle);
  const health = new HealthMonitor({
    execs,
    get: (id) => registry.byId(id),
    save: async (id, next) => void (await registry.update(id, { health: next })),
    publish: (record, action) => lifecycle.publish(record, action),
  });
  return { lifecycle, execs, health };
}

function volumeUsers(registry: Registry, name: string): readonly string[] {
  return registry.all().flatMap(({ id, mounts }) => (mounts.some((mount) => mount.name === name) ? [id] : []));
}

function imageUsers(registry: Registry, id: Digest): readonly ImageUser[] {
  const users = registry.all().filter(({ imageId }) => imageId === id);
  return users.map((record) => ({ containerId: record.id, isRunning: record.pid !== undefined }));
}
