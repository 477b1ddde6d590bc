import { KindError } from '../../base/errors.ts';
import type { EmbeddedDns } from '../network/embedded-dns.ts';
import type { Connector } from '../network/open-networks.ts';
import { writeEtc, type LaunchParts } from './launch.ts';
import type { Lifecycle } from './lifecycle.ts';
import { pathsOf } from './paths.ts';
import { networksOf } from './plan-container.ts';
import { plannedEndpoints } from './planned-endpoints.ts';
import type { ContainerRecord } from './record.ts';

type Parts = Pick<LaunchParts, 'network' | 'registry' | 'config' | 'host'> & {
  readonly dns: EmbeddedDns;
  readonly lifecycle: Lifecycle;
  readonly sandboxUsers: (networkId: string) => readonly string[];
};

const stayApart = {
  host: 'container cannot be disconnected from host network or connected to host network',
  none: 'container cannot be connected to multiple networks with one of the networks in private (none) mode',
} as const;

/** docker network connect and disconnect, of running and stopped containers. */
export function createConnector(parts: Parts): Connector {
  const { network, registry, lifecycle, dns } = parts;

  /** One write: a wish that is kept without its endpoints would be half a connection after a crash. */
  async function keep(id: string, spec: ContainerRecord['spec']): Promise<void> {
    const record = registry.find(id);
    const live = network.fabric.live.get(id)?.endpoints;
    const planned = { ...record, spec };
    const endpoints = record.pid === undefined || !live ? plannedEndpoints(planned, (name) => network.find(name)) : live;
    await registry.update(id, { spec, endpoints });
    if (record.pid !== undefined) writeEtc(parts, planned, pathsOf(parts.config, id), endpoints);
  }

  return {
    async connect(target, containerId, endpoint) {
      const { id } = registry.find(containerId);
      await lifecycle.exclusive(id, async () => {
        const record = registry.find(id);
        if (target.driver === 'host' || target.driver === 'none') throw new KindError('forbidden', stayApart[target.driver]);
        const joined = networksOf(record.spec);
        if (joined.length === 0 && record.spec.network !== 'disconnected')
          throw new KindError(
            'invalid',
            'container sharing network namespace with another container or host cannot be connected to any other network',
          );
        // Of a stopped container the new settings replace the old ones.
        if (record.pid !== undefined && joined.some((name) => network.find(name).id === target.id))
          throw new KindError('forbidden', `endpoint with name ${record.name} already exists in network ${target.name}`);
        if (record.pid !== undefined && record.netnsPath) {
          network.fabric.attach({ id, name: record.name, netnsPath: record.netnsPath }, target, endpoint);
          if (!target.predefined) await dns.serve({ id, netnsPath: record.netnsPath });
        }
        await keep(id, { ...record.spec, endpoints: { ...record.spec.endpoints, [target.name]: endpoint } });
      });
    },

    async disconnect(target, containerId, { force }) {
      const { id } = registry.find(containerId);
      await lifecycle.exclusive(id, async () => {
        const record = registry.find(id);
        if (target.driver === 'host') throw new KindError('forbidden', stayApart.host);
        const joined = networksOf(record.spec).filter((name) => network.find(name).id === target.id);
        if (joined.length === 0 && !force)
          throw new KindError(
            'forbidden',
            `container ${record.id} is not connected to ${record.pid === undefined ? 'the ' : ''}network ${target.name}`,
          );
        const live = network.fabric.live.get(id)?.endpoints.find(({ networkId }) => networkId === target.id);
        if (live) await network.fabric.detach(id, live.id);
        await keep(id, without(record, joined));
      });
    },

    users(networkId) {
      const containers = registry.all().filter(({ spec }) => networksOf(spec).some((name) => isSame(name, networkId)));
      return [...containers.map(({ name }) => name), ...parts.sandboxUsers(networkId)];
    },
  };

  function isSame(name: string, networkId: string): boolean {
    try {
      return network.find(name).id === networkId;
    } catch {
      return false;
    }
  }
}

/** The wish without those networks; the first that is left becomes the main one. */
function without({ spec }: ContainerRecord, names: readonly string[]): ContainerRecord['spec'] {
  const left = networksOf(spec).filter((name) => !names.includes(name));
  const endpoints = Object.fromEntries(Object.entries(spec.endpoints ?? {}).filter(([name]) => left.includes(name)));
  return { ...spec, network: left[0] ?? 'disconnected', endpoints };
}
