import { mkdirSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Store } from '../store/store.ts';
import { createBuilder } from './build/create-builder.ts';
import { createConnector } from './containers/connections.ts';
import { HealthMonitor } from './containers/health.ts';
import type { LaunchParts } from './containers/launch.ts';
import { Lifecycle } from './containers/lifecycle.ts';
import { openContainers } from './containers/open-containers.ts';
import { openExecs } from './containers/open-execs.ts';
import { openSandboxes } from './containers/open-sandboxes.ts';
import { wantedPorts } from './containers/plan-container.ts';
import { Registry } from './containers/registry.ts';
import { createStepRunner } from './containers/step-runner.ts';
import { sweep } from './containers/sweep.ts';
import type { Engine, EngineConfig } from './engine.ts';
import { createEvents } from './events/ring.ts';
import { readHostFacts } from './host-facts.ts';
import { openImages } from './images/open.ts';
import { EmbeddedDns } from './network/embedded-dns.ts';
import { openNetworks } from './network/open-networks.ts';
import { openVolumes } from './volumes/open-volumes.ts';

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
export async function openEngine({ kernel, store, config, log }: OpenEngineOptions): Promise<OpenedEngine> {
  for (const folder of [config.dataRoot, config.runRoot]) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const host = readHostFacts();
  const events = createEvents();
  const registry = new Registry(store);
  const { images, snapshots } = await openImages({ dataRoot: config.dataRoot, kernel, store, events, log });
  const network = await openNetworks({ kernel, store, config, events, host, log });
  const { fabric } = network;
  const dns = new EmbeddedDns({ kernel, host, fabric, log, isPredefined: (id) => network.find(id).predefined });
  const volumes = openVolumes({
    dataRoot: config.dataRoot,
    kernel,
    store,
    events,
    usersOf: (name) => registry.all().flatMap((record) => (record.mounts.some((mount) => mount.name === name) ? [record.id] : [])),
  });
  const sandboxes = openSandboxes({ kernel, store, config, host, network, removeContainers });
  const parts: LaunchParts = {
    kernel,
    config,
    host,
    snapshots,
    network,
    dns,
    registry,
    sandbox: (id) => sandboxes.parts(id),
    exposedPorts: async ({ spec, imageId }) =>
      wantedPorts(spec, spec.publishAll ? Object.keys((await images.get(imageId)).config.config.ExposedPorts ?? {}) : []),
  };
  const lifecycle = new Lifecycle({
    ...parts,
    events,
    volumes,
    log,
    onStarted: (record) => health.start(record, record.spec.healthcheck),
    onEnded: (id) => {
      health.stop(id);
      execs.forget(id);
    },
  });
  const execs = openExecs(parts, registry, lifecycle);
  const health = new HealthMonitor({
    execs,
    get: (id) => registry.byId(id),
    save: async (id, next) => void (await registry.update(id, { health: next })),
    publish: (record, action) => lifecycle.publish(record, action),
  });
  network.setConnector(createConnector({ network, registry, config, host, dns, lifecycle, sandboxUsers: (id) => sandboxes.usersOf(id) }));
  images.setUsers(async (id) =>
    registry.all().flatMap((record) => (record.imageId === id ? [{ containerId: record.id, isRunning: record.pid !== undefined }] : [])),
  );

  async function removeContainers(sandboxId: string): Promise<void> {
    const own = registry.all().filter(({ spec }) => spec.sandbox === sandboxId);
    await Promise.all(own.map(({ id }) => lifecycle.remove(id, { force: true, volumes: true })));
  }

  await sweep(kernel, config, registry, log);
  for (const record of registry.all()) {
    await lifecycle
      .reload(record)
      .catch((error: unknown) => log.error({ container: record.id, error: messageOf(error) }, 'container could not be taken over'));
  }
  await fabric.sync();
  await Promise.all(
    [...fabric.live.values()].flatMap(({ owner, endpoints }) => {
      const named = endpoints
        .map(({ networkId }) => network.find(networkId))
        .find(({ predefined, ingress }) => !predefined && ingress === 'published');
      return named
        ? [
            dns
              .serve(owner.netnsPath, named)
              .catch((error: unknown) => log.error({ container: owner.id, error: messageOf(error) }, 'embedded DNS could not be restored')),
          ]
        : [];
    }),
  );
  const containers = openContainers({
    kernel,
    config,
    host,
    images,
    snapshots,
    volumes,
    network,
    registry,
    lifecycle,
    sandboxHostname: (id) => sandboxes.parts(id).hostname,
  });
  const builder = createBuilder({ images, snapshots, steps: createStepRunner(parts), store, dataRoot: config.dataRoot, kernel, log });

  async function close(): Promise<void> {
    health.close();
    execs.close();
    await lifecycle.close();
    await dns[Symbol.asyncDispose]();
  }

  return {
    images,
    builder,
    containers,
    execs,
    sandboxes,
    networks: network.networks,
    volumes,
    events,
    config,
    async destroy() {
      for (const { spec } of await sandboxes.list()) await sandboxes.remove(spec.id);
      await Promise.all(registry.all().map(({ id }) => lifecycle.remove(id, { force: true, volumes: false })));
      await close();
      await fabric.destroy();
      kernel.cgroups.remove(config.cgroupParent);
    },
    [Symbol.asyncDispose]: close,
  };
}
