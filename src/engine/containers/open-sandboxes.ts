import { mkdirSync, writeFileSync } from 'node:fs';
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
import { addressOf } from '../network/fabric.ts';
import type { Endpoint, PortBinding } from '../network/networks.ts';
import type { NetworkRoom } from '../network/open-networks.ts';
import { parseResolvConf, renderHosts, renderResolvConf } from './host-files.ts';
import type { SandboxParts } from './launch.ts';
import { networkSysctls } from './runtime-spec.ts';
import type { Sandbox, Sandboxes, SandboxSpec } from './sandboxes.ts';

const prefix = '/sandboxes/';

interface SandboxRecord {
  readonly spec: SandboxSpec;
  readonly createdAt: Date;
  readonly endpoint: Endpoint | undefined;
  readonly ports: readonly Required<PortBinding>[];
}

export interface SandboxRoomParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly config: EngineConfig;
  readonly host: HostFacts;
  readonly network: NetworkRoom;
  /** Removes the containers of a sandbox. */
  readonly removeContainers: (sandboxId: string) => Promise<void>;
}

export interface SandboxRoom extends Sandboxes {
  /** What a container joins; `notFound` when there is no such sandbox. */
  parts(id: string): SandboxParts;
  /** Networks that sandboxes use, by sandbox name. */
  usersOf(networkId: string): readonly string[];
}

export function openSandboxes(parts: SandboxRoomParts): SandboxRoom {
  const { kernel, store, config, network } = parts;
  const mutex = new KeyedMutex();
  const known = new Map<string, SandboxRecord>();
  for (const { value } of store.range(prefix).entries) {
    const record = decode(value);
    known.set(record.spec.id, record);
  }
  for (const record of known.values()) adopt(record);

  function adopt({ spec, endpoint, ports }: SandboxRecord): void {
    const { netns } = pathsOfSandbox(config, spec.id);
    if (endpoint && kernel.namespaces.exists(netns))
      network.fabric.adopt({ id: spec.id, name: spec.name, netnsPath: netns }, [endpoint], ports);
  }

  function isWhole(record: SandboxRecord): boolean {
    const { netns, ipc } = pathsOfSandbox(config, record.spec.id);
    return kernel.namespaces.exists(ipc) && (record.spec.network === 'host' || kernel.namespaces.exists(netns));
  }

  async function teardown(id: string): Promise<void> {
    const paths = pathsOfSandbox(config, id);
    await network.fabric.detach(id);
    for (const path of [paths.netns, paths.ipc, paths.uts]) kernel.namespaces.remove(path);
    kernel.mounts.unmount(paths.shm);
    await rm(paths.folder, { recursive: true, force: true });
  }

  async function make(spec: SandboxSpec): Promise<SandboxRecord> {
    const paths = pathsOfSandbox(config, spec.id);
    await using undo = new AsyncDisposableStack();
    undo.defer(() => teardown(spec.id));
    mkdirSync(paths.shm, { recursive: true });
    kernel.mounts.mount({
      type: 'tmpfs',
      source: 'shm',
      target: paths.shm,
      options: ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=67108864'],
    });
    const onHost = spec.network === 'host';
    const pins = onHost ? { ipc: paths.ipc } : { net: paths.netns, ipc: paths.ipc, uts: paths.uts };
    const sysctls = onHost ? {} : { 'net.ipv6.conf.default.disable_ipv6': '1', ...networkSysctls({ sysctls: spec.sysctls }) };
    kernel.namespaces.create(pins, { ...(!onHost && { hostname: spec.hostname }), sysctls });
    const owner = { id: spec.id, name: spec.name, netnsPath: paths.netns };
    const endpoint =
      onHost || spec.network === 'none' ? undefined : network.fabric.attach(owner, network.find(spec.network), {}, { defaultRoute: true });
    const ports = endpoint ? await network.fabric.publish(owner, spec.ports) : [];
    writeEtc(spec, endpoint, paths.folder);
    const record = { spec, createdAt: new Date(), endpoint, ports };
    await store.write([{ put: prefix + spec.id, value: Buffer.from(JSON.stringify(record)) }]);
    undo.move();
    return record;
  }

  function writeEtc(spec: SandboxSpec, endpoint: Endpoint | undefined, folder: string): void {
    const onHost = spec.network === 'host';
    const name = onHost ? hostname() : spec.hostname;
    const addresses = endpoint?.ipv4 ? [addressOf(endpoint.ipv4)] : [];
    const { servers, search, options } = spec.dns;
    const dns = servers.length + search.length + options.length > 0 ? spec.dns : parseResolvConf(parts.host.resolvConf());
    writeFileSync(join(folder, 'hosts'), renderHosts({ hostname: name, addresses, extra: [], hostGateway: undefined, lines: spec.hosts }));
    writeFileSync(join(folder, 'hostname'), `${name}\n`);
    writeFileSync(join(folder, 'resolv.conf'), renderResolvConf(dns));
  }

  return {
    create(spec) {
      return mutex.run(spec.id, async () => {
        const existing = known.get(spec.id);
        if (existing && isWhole(existing)) return view(existing);
        if (existing) await teardown(spec.id);
        const record = await make(spec);
        known.set(spec.id, record);
        return view(record);
      });
    },
    async get(id) {
      const record = known.get(id);
      return record && isWhole(record) ? view(record) : undefined;
    },
    list: async () => [...known.values()].map(view),
    remove(id) {
      return mutex.run(id, async () => {
        if (!known.has(id)) return;
        await parts.removeContainers(id);
        await teardown(id);
        await store.write([{ delete: prefix + id }]);
        known.delete(id);
      });
    },
    parts(id) {
      const record = known.get(id);
      if (!record) throw new KindError('notFound', `No such sandbox: ${id}`);
      const { folder, netns, ipc, uts, shm } = pathsOfSandbox(config, id);
      const onHost = record.spec.network === 'host';
      const etcFiles = Object.fromEntries(['hosts', 'hostname', 'resolv.conf'].map((name) => [name, join(folder, name)]));
      return {
        netnsPath: onHost ? undefined : netns,
        ipcPath: ipc,
        utsPath: onHost ? undefined : uts,
        shmPath: shm,
        hostname: onHost ? hostname() : record.spec.hostname,
        etcFiles,
      };
    },
    usersOf: (networkId) => [...known.values()].filter(({ endpoint }) => endpoint?.networkId === networkId).map(({ spec }) => spec.name),
  };

  function view({ spec, endpoint, createdAt }: SandboxRecord): Sandbox {
    return {
      spec,
      ip: endpoint?.ipv4 && addressOf(endpoint.ipv4),
      netnsPath: spec.network === 'host' ? undefined : pathsOfSandbox(config, spec.id).netns,
      createdAt,
    };
  }
}

function pathsOfSandbox(
  config: EngineConfig,
  id: string,
): { readonly folder: string; readonly netns: string; readonly ipc: string; readonly uts: string; readonly shm: string } {
  const folder = join(config.runRoot, 'p', createHash('sha256').update(id).digest('hex').slice(0, 12));
  return { folder, netns: join(folder, 'net'), ipc: join(folder, 'ipc'), uts: join(folder, 'uts'), shm: join(folder, 'shm') };
}

function decode(value: Uint8Array): SandboxRecord {
  const record = JSON.parse(Buffer.from(value).toString()) as SandboxRecord & { readonly createdAt: string };
  return { ...record, createdAt: new Date(record.createdAt) };
}
