import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import type { EngineConfig } from '../engine.ts';
import type { HostFacts } from '../host-facts.ts';
import { addressOf } from '../network/cidr.ts';
import type { Endpoint, PublishedBinding } from '../network/networks.ts';
import type { NetworkRoom } from '../network/open-networks.ts';
import { parseResolvConf, renderHosts, renderResolvConf } from './host-files.ts';
import type { SandboxParts } from './launch.ts';
import { networkSysctls } from './runtime-spec.ts';
import { startPause, type Pause } from './sandbox-pause.ts';
import type { Sandbox, Sandboxes, SandboxSpec } from './sandboxes.ts';

const prefix = '/sandboxes/';

interface SandboxRecord {
  readonly spec: SandboxSpec;
  readonly createdAt: Date;
  readonly endpoint: Endpoint | undefined;
  readonly ports: readonly PublishedBinding[];
  /** Of a sandbox whose containers share processes. */
  readonly pause?: Pause;
}

export interface SandboxRoomParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly config: EngineConfig;
  readonly host: HostFacts;
  readonly network: NetworkRoom;
}

export interface SandboxRoom extends Sandboxes {
  /** What a container joins; `notFound` when there is no such sandbox. */
  parts(id: string): SandboxParts;
  /** How the containers' room removes the containers of a sandbox; set once it is there. */
  setRemover(remove: (sandboxId: string) => Promise<void>): void;
  /** Networks that sandboxes use, by sandbox name. */
  usersOf(networkId: string): readonly string[];
}

export function openSandboxes(parts: SandboxRoomParts): SandboxRoom {
  return new PodSandboxes(parts);
}

class PodSandboxes implements SandboxRoom {
  readonly #parts: SandboxRoomParts;
  readonly #mutex = new KeyedMutex();
  readonly #known = new Map<string, SandboxRecord>();
  #removeContainers: (sandboxId: string) => Promise<void> = async () => undefined;

  constructor(parts: SandboxRoomParts) {
    this.#parts = parts;
    for (const { value } of parts.store.range(prefix).entries) {
      const record = decode(value);
      this.#known.set(record.spec.id, record);
      this.#adopt(record);
    }
  }

  create(spec: SandboxSpec): Promise<Sandbox> {
    return this.#mutex.run(spec.id, async () => {
      const existing = this.#known.get(spec.id);
      if (existing && this.#isWhole(existing)) return this.#view(existing);
      if (existing) await this.#teardown(spec.id);
      const record = await this.#make(spec);
      this.#known.set(spec.id, record);
      return this.#view(record);
    });
  }

  async get(id: string): Promise<Sandbox | undefined> {
    const record = this.#known.get(id);
    return record && this.#isWhole(record) ? this.#view(record) : undefined;
  }

  async list(): Promise<readonly Sandbox[]> {
    return Array.from(this.#known.values(), (record) => this.#view(record));
  }

  remove(id: string): Promise<void> {
    return this.#mutex.run(id, async () => {
      if (!this.#known.has(id)) return;
      await this.#removeContainers(id);
      await this.#teardown(id);
      await this.#parts.store.write([{ delete: prefix + id }]);
      this.#known.delete(id);
    });
  }

  parts(id: string): SandboxParts {
    const record = this.#known.get(id);
    if (!record) throw new KindError('notFound', `No such sandbox: ${id}`);
    const { folder, netns, ipc, uts, shm } = pathsOfSandbox(this.#parts.config, id);
    const onHost = record.spec.network === 'host';
    return {
      netnsPath: onHost ? undefined : netns,
      ipcPath: ipc,
      pidPath: record.pause && `/proc/${record.pause.pid}/ns/pid`,
      utsPath: onHost ? undefined : uts,
      shmPath: shm,
      hostname: onHost ? hostname() : record.spec.hostname,
      etcFiles: Object.fromEntries(['hosts', 'hostname', 'resolv.conf'].map((name) => [name, join(folder, name)])),
    };
  }

  setRemover(remove: (sandboxId: string) => Promise<void>): void {
    this.#removeContainers = remove;
  }

  usersOf(networkId: string): readonly string[] {
    return [...this.#known.values()].filter(({ endpoint }) => endpoint?.networkId === networkId).map(({ spec }) => spec.name);
  }

  #adopt({ spec, endpoint, ports }: SandboxRecord): void {
    const { config, kernel, network } = this.#parts;
    const { netns } = pathsOfSandbox(config, spec.id);
    if (endpoint && kernel.namespaces.exists(netns))
      network.fabric.adopt({ id: spec.id, name: spec.name, netnsPath: netns }, [endpoint], ports);
  }

  /** After a boot the record is there and the namespaces are not. */
  #isWhole({ spec, pause }: SandboxRecord): boolean {
    const { namespaces, processes } = this.#parts.kernel;
    if (pause && processes.startTime(pause.pid) !== pause.startTime) return false;
    const { netns, ipc } = pathsOfSandbox(this.#parts.config, spec.id);
    return namespaces.exists(ipc) && (spec.network === 'host' || namespaces.exists(netns));
  }

  async #teardown(id: string): Promise<void> {
    const { kernel, network, config } = this.#parts;
    const paths = pathsOfSandbox(config, id);
    if (existsSync(paths.pause)) await kernel.runtime.delete(paths.pauseId, { force: true });
    await network.fabric.detach(id);
    for (const path of [paths.netns, paths.ipc, paths.uts]) kernel.namespaces.remove(path);
    kernel.mounts.unmount(paths.shm);
    await rm(paths.folder, { recursive: true, force: true });
  }

  async #make(spec: SandboxSpec): Promise<SandboxRecord> {
    const { kernel, network, store, config } = this.#parts;
    const paths = pathsOfSandbox(config, spec.id);
    await using undo = new AsyncDisposableStack();
    undo.defer(() => this.#teardown(spec.id));
    mkdirSync(paths.shm, { recursive: true });
    const shmOptions = ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=67108864'];
    kernel.mounts.mount({ type: 'tmpfs', source: 'shm', target: paths.shm, options: shmOptions });
    const onHost = spec.network === 'host';
    const pins = onHost ? { ipc: paths.ipc } : { net: paths.netns, ipc: paths.ipc, uts: paths.uts };
    const sysctls = onHost ? {} : { 'net.ipv6.conf.default.disable_ipv6': '1', ...networkSysctls({ sysctls: spec.sysctls }) };
    kernel.namespaces.create(pins, { ...(!onHost && { hostname: spec.hostname }), sysctls });
    const owner = { id: spec.id, name: spec.name, netnsPath: paths.netns, isNew: true } as const;
    const isAttached = !onHost && spec.network !== 'none';
    const endpoint = isAttached ? network.fabric.attach(owner, network.find(spec.network), {}) : undefined;
    // A pod's host ports are those of its own family.
    const wanted = spec.ports.map((port) => ({ ...port, hostIp: port.hostIp || '0.0.0.0' }));
    const ports = endpoint ? await network.fabric.publish(owner, wanted) : [];
    this.#writeEtc(spec, endpoint, paths.folder);
    const pause = spec.sharesProcesses ? await this.#pause(spec, pins) : undefined;
    const record = { spec, createdAt: new Date(), endpoint, ports, ...(pause && { pause }) };
    await store.write([{ put: prefix + spec.id, value: Buffer.from(JSON.stringify(record)) }]);
    undo.move();
    return record;
  }

  #pause(spec: SandboxSpec, pins: { readonly net?: string; readonly ipc: string; readonly uts?: string }): Promise<Pause> {
    const { kernel, config } = this.#parts;
    const { pause, pauseId } = pathsOfSandbox(config, spec.id);
    const own = Object.entries({ network: pins.net, ipc: pins.ipc, uts: pins.uts });
    const namespaces = own.flatMap(([type, path]) => (path ? [{ type, path }] : []));
    return startPause(kernel, {
      id: pauseId,
      folder: pause,
      cgroupsPath: `${spec.cgroupParent ?? config.cgroupParent}/${pauseId}`,
      namespaces,
    });
  }

  #writeEtc(spec: SandboxSpec, endpoint: Endpoint | undefined, folder: string): void {
    const name = spec.network === 'host' ? hostname() : spec.hostname;
    const addresses = endpoint?.ipv4 ? [addressOf(endpoint.ipv4)] : [];
    const { servers, search, options } = spec.dns;
    const isGiven = servers.length + search.length + options.length > 0;
    const dns = isGiven ? spec.dns : parseResolvConf(this.#parts.host.resolvConf());
    writeFileSync(
      join(folder, 'hosts'),
      renderHosts({ hostname: name, domainname: spec.domainname, addresses, extra: [], hostGateway: undefined, lines: spec.hosts }),
    );
    writeFileSync(join(folder, 'hostname'), `${name}\n`);
    writeFileSync(join(folder, 'resolv.conf'), renderResolvConf(dns));
  }

  #view({ spec, endpoint, createdAt }: SandboxRecord): Sandbox {
    const netnsPath = spec.network === 'host' ? undefined : pathsOfSandbox(this.#parts.config, spec.id).netns;
    return { spec, ip: endpoint?.ipv4 && addressOf(endpoint.ipv4), netnsPath, createdAt };
  }
}

function pathsOfSandbox(
  config: EngineConfig,
  id: string,
): Readonly<Record<'folder' | 'netns' | 'ipc' | 'uts' | 'shm' | 'pause' | 'pauseId', string>> {
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 12);
  const folder = join(config.runRoot, 'p', hash);
  return {
    pauseId: `pause-${hash}`,
    pause: join(folder, 'pause'),
    folder,
    netns: join(folder, 'net'),
    ipc: join(folder, 'ipc'),
    uts: join(folder, 'uts'),
    shm: join(folder, 'shm'),
  };
}

function decode(value: Uint8Array): SandboxRecord {
  const record = JSON.parse(Buffer.from(value).toString()) as SandboxRecord & { readonly createdAt: string };
  return { ...record, createdAt: new Date(record.createdAt) };
}
