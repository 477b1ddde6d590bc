import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import type { EngineConfig } from '../engine.ts';
import type { Events } from '../events/events.ts';
import type { HostFacts } from '../host-facts.ts';
import type { Holder } from './address-plan.ts';
import { Fabric } from './fabric.ts';
import { decodeNetwork, encodeNetwork, planNetwork, predefinedNetworks, type NetworkRecord } from './network-record.ts';
import type { EndpointSpec, Network, Networks } from './networks.ts';

const prefix = '/networks/';

/** How the containers' room joins and leaves networks; set once it is there. */
export interface Connector {
  connect(network: NetworkRecord, containerId: string, endpoint: EndpointSpec): Promise<void>;
  disconnect(network: NetworkRecord, containerId: string, options: { readonly force: boolean }): Promise<void>;
  /** Names of containers that are configured for the network, running or not. */
  users(networkId: string): readonly string[];
}

export interface NetworkRoom {
  readonly networks: Networks;
  readonly fabric: Fabric;
  find(nameOrId: string): NetworkRecord;
  setConnector(connector: Connector): void;
}

export interface NetworkParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly config: EngineConfig;
  readonly events: Events;
  readonly host: HostFacts;
  readonly log: Log;
}

export async function openNetworks(parts: NetworkParts): Promise<NetworkRoom> {
  const { kernel, store, config, events } = parts;
  const fabric = new Fabric(parts);
  const mutex = new KeyedMutex();
  const records = new Map<string, NetworkRecord>();
  for (const { value } of store.range(prefix).entries) {
    const record = decodeNetwork(value);
    records.set(record.id, record);
  }
  await addPredefined();
  for (const record of records.values()) fabric.addNetwork(record);
  let connector: Connector | undefined;

  async function addPredefined(): Promise<void> {
    const wanted = predefinedNetworks(config).map((record) => {
      const existing = [...records.values()].find(({ name, predefined }) => predefined && name === record.name);
      return existing ? { ...record, id: existing.id, createdAt: existing.createdAt } : record;
    });
    for (const record of wanted) records.set(record.id, record);
    await store.write(wanted.map((record) => ({ put: prefix + record.id, value: encodeNetwork(record) })));
  }

  function find(nameOrId: string): NetworkRecord {
    const all = [...records.values()];
    const found =
      records.get(nameOrId) ??
      all.find(({ name }) => name === nameOrId) ??
      (nameOrId === 'default' ? all.find(({ name }) => name === 'bridge') : undefined);
    if (found) return found;
    const candidates = nameOrId === '' ? [] : all.filter(({ id }) => id.startsWith(nameOrId));
    if (candidates.length > 1)
      throw new KindError('invalid', `network ${nameOrId} is ambiguous (${candidates.length} matches found based on ID prefix)`);
    if (!candidates[0]) throw new KindError('notFound', `network ${nameOrId} not found`);
    return candidates[0];
  }

  function holders(): readonly Holder[] {
    const known = [...records.values()].flatMap(({ subnet, name }) => (subnet ? [{ subnet, name: `network ${name}` }] : []));
    const bridges = new Set([...records.values()].map(({ bridgeName }) => bridgeName));
    const routes = kernel.links.routes().filter(({ to, link }) => /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(to) && !bridges.has(link));
    return [...known, ...routes.map(({ to, link }) => ({ subnet: to, name: `a route of this host${link ? ` by ${link}` : ''}` }))];
  }

  function view(record: NetworkRecord): Network {
    const endpoints = [...fabric.live.values()].flatMap((live) => live.endpoints).filter(({ networkId }) => networkId === record.id);
    return { ...record, endpoints };
  }

  async function remove(record: NetworkRecord): Promise<void> {
    await store.write([{ delete: prefix + record.id }]);
    records.delete(record.id);
    fabric.removeNetwork(record.id);
    await fabric.sync();
    events.publish({ type: 'network', action: 'destroy', id: record.id, attributes: { name: record.name, type: record.driver } });
  }

  function users(record: NetworkRecord): readonly string[] {
    return [...new Set([...view(record).endpoints.map(({ ownerName }) => ownerName), ...(connector?.users(record.id) ?? [])])];
  }

  const networks: Networks = {
    create(spec) {
      return mutex.run('networks', async () => {
        if ([...records.values()].some(({ name }) => name === spec.name))
          throw new KindError('conflict', `network with name ${spec.name} already exists`);
        if (spec.driver !== 'bridge') throw new KindError('forbidden', `only one instance of "${spec.driver}" network is allowed`);
        const record = planNetwork(spec, holders());
        await store.write([{ put: prefix + record.id, value: encodeNetwork(record), ifRevision: 0 }]);
        records.set(record.id, record);
        try {
          fabric.addNetwork(record);
          await fabric.sync();
        } catch (error) {
          await remove(record);
          throw error;
        }
        events.publish({ type: 'network', action: 'create', id: record.id, attributes: { name: record.name, type: record.driver } });
        return view(record);
      });
    },
    get: async (nameOrId) => view(find(nameOrId)),
    list: async () => [...records.values()].map(view),
    remove(nameOrId) {
      return mutex.run('networks', async () => {
        const record = find(nameOrId);
        if (record.predefined) throw new KindError('forbidden', `${record.name} is a pre-defined network and cannot be removed`);
        const active = view(record).endpoints.map(({ ownerName }) => ownerName);
        if (active.length > 0)
          throw new KindError(
            'forbidden',
            `error while removing network: network ${record.name} id ${record.id} has active endpoints (${active.map((name) => `name:"${name}"`).join(', ')})`,
          );
        await remove(record);
      });
    },
    async connect(nameOrId, containerId, endpoint) {
      const record = find(nameOrId);
      await connector?.connect(record, containerId, endpoint);
    },
    async disconnect(nameOrId, containerId, options) {
      await connector?.disconnect(find(nameOrId), containerId, options);
    },
    prune() {
      return mutex.run('networks', async () => {
        const unused = [...records.values()].filter(
          (record) => !record.predefined && record.ingress !== 'open' && users(record).length === 0,
        );
        for (const record of unused) await remove(record);
        return unused.map(({ name }) => name);
      });
    },
  };
  parts.log.debug({ networks: records.size, bridge: shortId(find('bridge').id) }, 'networks are up');
  return {
    networks,
    fabric,
    find,
    setConnector(given) {
      connector = given;
    },
  };
}
