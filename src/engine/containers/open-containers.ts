import { cpus, hostname } from 'node:os';
import { KindError, messageOf, wrap } from '../../base/errors.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { EngineConfig } from '../engine.ts';
import type { HostFacts } from '../host-facts.ts';
import type { Images } from '../images/images.ts';
import { familiarName, parseReference } from '../images/reference.ts';
import { readLog } from '../logs/read-log.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Volumes } from '../volumes/volumes.ts';
import { commitContainer } from './commit.ts';
import { readStats, readTop } from './container-facts.ts';
import { exportRoot, readArchive, statPath, writeArchive } from './container-files.ts';
import type { ContainerSpec } from './container.ts';
import type { Containers } from './containers.ts';
import { blockDeviceNumber } from './devices.ts';
import { possibleHere } from './host-abilities.ts';
import { cgroupOf } from './launch.ts';
import type { Lifecycle } from './lifecycle.ts';
import { findLinked } from './links.ts';
import { checkLimits, checkUpdate, mergeLimits, toLinuxResources } from './limits.ts';
import type { RootParts } from './mounted-root.ts';
import { placesOf } from './mount-points.ts';
import { generateName } from './names.ts';
import { pathsOf } from './paths.ts';
import { checkName, planContainer } from './plan-container.ts';
import { plannedEndpoints } from './planned-endpoints.ts';
import type { ContainerRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { resolveMounts } from './resolve-mounts.ts';
import { sharedById } from './shared-namespaces.ts';
import { stateOf } from './state.ts';
import type { NetworkRoom } from '../network/open-networks.ts';

export interface ContainerParts {
  readonly kernel: Kernel;
  readonly config: EngineConfig;
  readonly host: HostFacts;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly network: NetworkRoom;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  /** `notFound` when there is no such sandbox. */
  readonly sandbox: (id: string) => { readonly hostname: string };
}

/** The containers' verbs over the registry and the lifecycle. */
export function openContainers(parts: ContainerParts): Containers {
  return { ...changing(parts), ...reading(parts), ...filing(parts) };
}

type Changing = 'create' | 'start' | 'stop' | 'restart' | 'kill' | 'pause' | 'unpause' | 'remove' | 'rename' | 'update' | 'prune';
type Filing = 'changes' | 'export' | 'readArchive' | 'writeArchive' | 'statPath' | 'commit' | 'size';

function changing(parts: ContainerParts): Pick<Containers, Changing> {
  const { registry, lifecycle, snapshots } = parts;
  return {
    create: (spec) => createContainer(parts, spec),
    start: (reference) => lifecycle.start(reference),
    stop: (reference, options) => lifecycle.stop(reference, options),
    async restart(reference, options) {
      await lifecycle.stop(reference, options);
      await lifecycle.start(reference);
      lifecycle.publish(registry.find(reference), 'restart');
    },
    kill: (reference, signal) => lifecycle.kill(reference, signal),
    pause: (reference) => lifecycle.pause(reference),
    unpause: (reference) => lifecycle.unpause(reference),
    remove: (reference, options) => lifecycle.remove(reference, options),
    rename: async (reference, name) => rename(parts, registry.find(reference), name),
    async update(reference, change) {
      const record = registry.find(reference);
      await update(parts, record, change).catch((error: unknown) => {
        throw /^(range of|Requested|Invalid value)/.test(messageOf(error)) ? error : wrap(error, `Cannot update container ${record.id}`);
      });
    },
    async prune() {
      const stopped = registry.all().filter((record) => ['created', 'exited', 'dead'].includes(stateOf(record)) && !record.spec.sandbox);
      let bytes = 0;
      for (const { id } of stopped) {
        bytes += (await snapshots.usage(id)).bytes;
        await lifecycle.remove(id, { force: false, volumes: false });
      }
      return { ids: stopped.map(({ id }) => id), bytes };
    },
  };
}

function reading(parts: ContainerParts): Omit<Containers, Changing | Filing> {
  const { kernel, config, host, registry, lifecycle, snapshots } = parts;
  const running = (reference: string): ContainerRecord => {
    const record = registry.find(reference);
    if (record.pid === undefined) throw new KindError('conflict', `container ${record.id} is not running`);
    return record;
  };
  return {
    get: async (reference) => registry.find(reference),
    list: async () => registry.all().toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime()),
    wait: (reference, condition, signal) => lifecycle.wait(reference, condition, signal),
    async *logs(reference, options, signal) {
      const record = registry.find(reference);
      if (record.spec.logDriver === 'none') throw new KindError('invalid', 'configured logging driver does not support reading');
      using over = abortedAtEnd();
      const isUp = record.pid !== undefined || record.isRestarting;
      const ended =
        isUp && options.follow
          ? lifecycle.waiters.wait(record.id, 'not-running', AbortSignal.any([signal, over.signal]))
          : Promise.resolve();
      ended.catch(() => undefined);
      yield* readLog(record.logPath ?? pathsOf(config, record.id).log, options, ended, signal);
    },
    attach: (reference) => lifecycle.attach(reference),
    async places(reference) {
      const record = registry.find(reference);
      const { bundle, rootfs } = pathsOf(config, record.id);
      const isUp = record.pid !== undefined;
      const isShared = record.spec.sandbox !== undefined || record.spec.network?.startsWith('container:') === true;
      return {
        root: snapshots.mount(record.id, rootfs),
        etc: isUp && !isShared ? bundle : undefined,
        netns: isUp ? record.netnsPath : undefined,
      };
    },
    async resize(reference, size) {
      await kernel.runtime.resize(pathsOf(config, running(reference).id).supervision, size);
    },
    async stats(reference) {
      const record = running(reference);
      return readStats(kernel, host, cgroupOf(config, record), record.netnsPath);
    },
    async top(reference, psArguments) {
      const record = running(reference);
      const rows = await readTop(kernel, cgroupOf(config, record), psArguments);
      lifecycle.publish(record, 'top');
      return rows;
    },
  };
}

function abortedAtEnd(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() };
}

function filing(parts: ContainerParts): Pick<Containers, Filing> {
  const { kernel, config, registry, lifecycle, snapshots, volumes, images } = parts;
  const files: RootParts = { kernel, config, snapshots, volumes, exclusive: (id, run) => lifecycle.exclusive(id, run) };
  const find = (reference: string): ContainerRecord => registry.find(reference);
  return {
    changes: async (reference) => snapshots.changes(find(reference).id),
    async export(reference, signal) {
      const tar = await exportRoot(files, find(reference), signal);
      lifecycle.publish(find(reference), 'export');
      return tar;
    },
    async readArchive(reference, path, signal) {
      const archive = await readArchive(files, find(reference), path, signal);
      lifecycle.publish(find(reference), 'archive-path');
      return archive;
    },
    async writeArchive(reference, path, tar, options) {
      await writeArchive(files, find(reference), path, tar, options);
      lifecycle.publish(find(reference), 'extract-to-dir');
    },
    statPath: async (reference, path) => statPath(files, find(reference), path),
    async commit(reference, options) {
      const record = find(reference);
      // As moby: one that cannot be paused is just ending, and needs no pause.
      const paused = async (): Promise<boolean> =>
        kernel.runtime
          .pause(record.id)
          .then(() => true)
          .catch(() => false);
      const isFrozen = options.pause && stateOf(record) === 'running' && (await paused());
      if (isFrozen) lifecycle.publish(record, 'pause');
      try {
        const id = await commitContainer({ images, snapshots }, record, options);
        const { message: comment = '', reference: name } = options;
        const attributes = { comment, imageID: id };
        const named = name === undefined ? attributes : { ...attributes, imageRef: familiarName(parseReference(name)) };
        lifecycle.publish(record, 'commit', named);
        return id;
      } finally {
        if (isFrozen) {
          await kernel.runtime.resume(record.id);
          lifecycle.publish(record, 'unpause');
        }
      }
    },
    async size(reference) {
      const record = find(reference);
      const { bytes } = await snapshots.usage(record.id);
      return { writable: bytes, root: bytes + (await snapshots.layerBytes(record.layers)) };
    },
  };
}

async function createContainer(parts: ContainerParts, asked: ContainerSpec): ReturnType<Containers['create']> {
  const { registry, images, volumes, snapshots, lifecycle, network } = parts;
  const { spec, warnings } = possibleHere({ ...asked, ...sharedById(registry, asked) }, parts.kernel.cgroups);
  const image = await images.get(spec.image);
  const name = spec.name?.replace(/^\//, '') || generateName((taken) => registry.isTaken(taken));
  checkName(name);
  using _reserved = registry.reserve(name);
  for (const wanted of [spec.network ?? 'bridge', ...Object.keys(spec.endpoints ?? {})]) {
    if (!wanted.startsWith('container:') && !spec.sandbox) network.find(wanted);
  }
  findLinked(registry, spec);
  const mounts = await resolveMounts(spec, Object.keys(image.config.config.Volumes ?? {}), volumes);
  const plan = planContainer({ ...spec, hostname: hostnameOf(parts, spec) }, image, name, mounts, new Date());
  const healthcheck = spec.healthcheck?.Test?.length ? spec.healthcheck : image.config.config.Healthcheck;
  const record: ContainerRecord = {
    ...plan,
    spec: healthcheck ? { ...spec, healthcheck: { ...image.config.config.Healthcheck, ...spec.healthcheck } } : spec,
    health: healthcheck?.Test?.length && healthcheck.Test[0] !== 'NONE' ? { status: 'starting', failingStreak: 0, log: [] } : undefined,
    logPath: spec.logDriver === 'none' ? undefined : (spec.logPath ?? pathsOf(parts.config, plan.id).log),
  };
  const known: ContainerRecord = { ...record, endpoints: plannedEndpoints(record, (wanted) => network.find(wanted)) };
  // Metadata first: what is on disk without a record is garbage.
  await registry.put(known);
  try {
    await snapshots.prepare(record.id, record.layers, placesOf(spec));
  } catch (error) {
    await registry.forget(record.id);
    throw error;
  }
  lifecycle.publish(known, 'create');
  return { container: known, warnings };
}

/** Containers that share names with a pod, another or the host's network have theirs. */
function hostnameOf(parts: ContainerParts, spec: ContainerSpec): string | undefined {
  if (spec.sandbox) return parts.sandbox(spec.sandbox).hostname;
  if (spec.network?.startsWith('container:')) return parts.registry.find(spec.network.slice('container:'.length)).hostname;
  return spec.hostname || (spec.network === 'host' ? hostname() : undefined);
}

async function rename(parts: ContainerParts, record: ContainerRecord, given: string): Promise<void> {
  const { registry, lifecycle, network } = parts;
  const name = given.replace(/^\//, '');
  if (name === record.name) throw new KindError('invalid', 'Renaming a container with the same name as its current name');
  using _reserved = reserveNew(registry, name);
  await lifecycle.exclusive(record.id, () => registry.update(record.id, { name }));
  network.fabric.rename(record.id, name);
  lifecycle.publish(registry.find(record.id), 'rename', { oldName: `/${record.name}` });
}

function reserveNew(registry: Registry, name: string): Disposable {
  try {
    checkName(name);
    return registry.reserve(name);
  } catch (error) {
    throw wrap(error, 'Error when allocating new name');
  }
}

async function update(parts: ContainerParts, { id }: ContainerRecord, change: Parameters<Containers['update']>[1]): Promise<void> {
  const { registry, lifecycle, kernel } = parts;
  const { nanoCpus, cpusetCpus } = change.limits ?? {};
  checkLimits({ nanoCpus, cpusetCpus }, cpus().length);
  await lifecycle.exclusive(id, async () => {
    const record = registry.find(id);
    if (change.limits) checkUpdate(record.spec.limits ?? {}, change.limits);
    if (change.restart && change.restart.name !== 'no' && record.spec.autoRemove)
      throw new KindError('invalid', 'Restart policy cannot be updated because AutoRemove is enabled for the container');
    const limits = change.limits ? mergeLimits(record.spec.limits ?? {}, change.limits) : record.spec.limits;
    if (change.limits && record.pid !== undefined) await kernel.runtime.update(id, toLinuxResources(limits ?? {}, blockDeviceNumber));
    await registry.update(id, { spec: { ...record.spec, ...(limits && { limits }), ...(change.restart && { restart: change.restart }) } });
    lifecycle.publish(record, 'update');
  });
}
