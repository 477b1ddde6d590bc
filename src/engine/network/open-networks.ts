import { KindError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Route } from '../../kernel/links.ts';
import type { Store } from '../../store/store.ts';
import type { EngineConfig } from '../engine.ts';
import type { Events } from '../events/events.ts';
import type { HostFacts } from '../host-facts.ts';
import { defaultRanges, type Holder } from './address-plan.ts';
import { Fabric } from './fabric.ts';
import { decodeNetwork, encodeNetwork, predefinedNetworks, type NetworkRecord } from './network-record.ts';
import { planNetwork, withRange6 } from './plan-network.ts';
import type { EndpointSpec, Network, Networks, NetworkSpec } from './networks.ts';

const prefix = '/networks/';

/** How the containers' room joins and leaves networks; set once it is there. */
export interface Connector {
  connect(network: NetworkRecord, containerId: string, endpoint: EndpointSpec): Promise<void>;
  disconnect(network: NetworkRecord, containerId: string, options: { readonly force: boolean }): Promise<void>;
  /** Names of containers that are configured for the network, running or not. */
  users(networkId: string): readonly string[];
}

export interface NetworkParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly config: EngineConfig;
  readonly events: Events;
  readonly host: HostFacts;
  readonly log: Log;
}

/** Networks as the store knows them, over the fabric that makes them real. */
export class NetworkRoom implements Networks {
  readonly fabric: Fabric;
  readonly #parts: NetworkParts;
  readonly #mutex = new KeyedMutex();
  readonly #records = new Map<string, NetworkRecord>();
  #connector: Connector | undefined;

  private constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.fabric = new Fabric(parts);
    for (const { value } of parts.store.range(prefix).entries) {
      const record = decodeNetwork(value);
      this.#records.set(record.id, record);
    }
  }

  /** With bridges up; rules follow with the fabric's `sync`, when the containers are known. */
  static async open(parts: NetworkParts): Promise<NetworkRoom> {
    const room = new NetworkRoom(parts);
    await room.#addPredefined();
    for (const record of room.#records.values()) room.fabric.addNetwork(record);
    return room;
  }

  setConnector(connector: Connector): void {
    this.#connector = connector;
  }

  find(nameOrId: string): NetworkRecord {
    const all = [...this.#records.values()];
    const named = (name: string): NetworkRecord | undefined => all.find((record) => record.name === name);
    const found = this.#records.get(nameOrId) ?? named(nameOrId) ?? (nameOrId === 'default' ? named('bridge') : undefined);
    if (found) return found;
    const candidates = nameOrId === '' ? [] : all.filter(({ id }) => id.startsWith(nameOrId));
    if (candidates.length > 1)
      throw new KindError('invalid', `network ${nameOrId} is ambiguous (${candidates.length} matches found based on ID prefix)`);
    if (!candidates[0]) throw new KindError('notFound', `network ${nameOrId} not found`);
    return candidates[0];
  }

  create(spec: NetworkSpec): Promise<Network> {
    return this.#mutex.run('networks', async () => {
      if ([...this.#records.values()].some(({ name }) => name === spec.name))
        throw new KindError('conflict', `network with name ${spec.name} already exists`);
      if (spec.driver !== 'bridge' && spec.driver !== 'macvlan')
        throw new KindError('forbidden', `only one instance of "${spec.driver}" network is allowed`);
      const record = planNetwork(spec, this.#world());
      await this.#parts.store.write([{ put: prefix + record.id, value: encodeNetwork(record), ifRevision: 0 }]);
      this.#records.set(record.id, record);
      try {
        this.fabric.addNetwork(record);
        await this.fabric.update();
      } catch (error) {
        await this.#destroy(record);
        throw error;
      }
      this.#tell('create', record);
      return this.#view(record);
    });
  }

  async get(nameOrId: string): Promise<Network> {
    return this.#view(this.find(nameOrId));
  }

  async list(): Promise<readonly Network[]> {
    return Array.from(this.#records.values(), (record) => this.#view(record));
  }

  remove(nameOrId: string): Promise<void> {
    return this.#mutex.run('networks', async () => {
      const record = this.find(nameOrId);
      if (record.predefined) throw new KindError('forbidden', `${record.name} is a pre-defined network and cannot be removed`);
      const active = this.#view(record).endpoints.map(({ ownerName }) => `name:"${ownerName}"`);
      if (active.length > 0) {
        throw new KindError(
          'forbidden',
          `error while removing network: network ${record.name} id ${record.id} has active endpoints (${active.join(', ')})`,
        );
      }
      await this.#destroy(record);
      this.#tell('destroy', record);
    });
  }

  async connect(nameOrId: string, containerId: string, endpoint: EndpointSpec): Promise<void> {
    await this.#connector?.connect(this.find(nameOrId), containerId, endpoint);
    this.#tell('connect', this.find(nameOrId), { container: containerId });
  }

  async disconnect(nameOrId: string, containerId: string, options: { readonly force: boolean }): Promise<void> {
    await this.#connector?.disconnect(this.find(nameOrId), containerId, options);
    this.#tell('disconnect', this.find(nameOrId), { container: containerId });
  }

  prune(wanted: (network: Network) => boolean = () => true): Promise<readonly string[]> {
    return this.#mutex.run('networks', async () => {
      const isUnused = (record: NetworkRecord): boolean =>
        !record.predefined && record.ingress !== 'open' && this.#users(record).length === 0 && wanted(this.#view(record));
      const unused = [...this.#records.values()].filter(isUnused);
      for (const record of unused) {
        await this.#destroy(record);
        this.#tell('destroy', record);
      }
      return unused.map(({ name }) => name);
    });
  }

  async #addPredefined(): Promise<void> {
    const wanted = predefinedNetworks(this.#parts.config).map((record) => {
      const existing = [...this.#records.values()].find(({ name, predefined }) => predefined && name === record.name);
      return existing ? { ...record, id: existing.id, createdAt: existing.createdAt } : record;
    });
    for (const record of wanted) this.#records.set(record.id, record);
    await this.#parts.store.write(wanted.map((record) => ({ put: prefix + record.id, value: encodeNetwork(record) })));
  }

  #world(): Parameters<typeof planNetwork>[1] {
    const { config, kernel } = this.#parts;
    return {
      holders: this.#holders(),
      ranges: withRange6(config.addressRanges ?? defaultRanges, config.hostName),
      links: kernel.links.list(),
      bridges: [...this.#records.values()].flatMap(({ bridgeName }) => bridgeName ?? []),
    };
  }

  /** Address ranges in use: other networks and whatever this host has routes to. */
  #holders(): readonly Holder[] {
    const records = [...this.#records.values()];
    const known = records.flatMap(({ pools, name }) => pools.map(({ subnet }) => ({ subnet, name: `network ${name}` })));
    const bridges = new Set(records.map(({ bridgeName }) => bridgeName));
    const isForeign = ({ to, link }: Route): boolean => to !== 'default' && !/^(?:fe80|ff)/.test(to) && !bridges.has(link);
    const routes = this.#parts.kernel.links.routes().filter(isForeign);
    return [...known, ...routes.map(({ to, link }) => ({ subnet: to, name: `a route of this host${link ? ` by ${link}` : ''}` }))];
  }

  #view(record: NetworkRecord): Network {
    const endpoints = [...this.fabric.live.values()].flatMap((live) => live.endpoints).filter(({ networkId }) => networkId === record.id);
    return { ...record, endpoints };
  }

  #users(record: NetworkRecord): readonly string[] {
    return [...this.#view(record).endpoints.map(({ ownerName }) => ownerName), ...(this.#connector?.users(record.id) ?? [])];
  }

  async #destroy(record: NetworkRecord): Promise<void> {
    await this.#parts.store.write([{ delete: prefix + record.id }]);
    this.#records.delete(record.id);
    this.fabric.removeNetwork(record.id);
    await this.fabric.update();
  }

  #tell(action: string, { id, name, driver }: NetworkRecord, attributes: Readonly<Record<string, string>> = {}): void {
    this.#parts.events.publish({ type: 'network', action, id, attributes: { name, type: driver, ...attributes } });
  }
}
