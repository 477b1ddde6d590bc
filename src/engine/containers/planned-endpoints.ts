import type { Endpoint } from '../network/networks.ts';
import type { NetworkRecord } from '../network/network-record.ts';
import { networksOf } from './plan-container.ts';
import type { ContainerRecord } from './record.ts';

/** The networks that a container will join once it runs: what `inspect` shows of one that does not, without addresses. */
export function plannedEndpoints(
  record: Pick<ContainerRecord, 'id' | 'name' | 'spec'>,
  find: (name: string) => NetworkRecord,
): readonly Endpoint[] {
  const { spec } = record;
  const isLinkless = !spec.sandbox && (spec.network === 'host' || spec.network === 'none');
  const names = isLinkless ? [spec.network ?? 'none'] : networksOf(spec);
  return names.map((name) => {
    const network = find(name);
    const given = spec.endpoints?.[name] ?? spec.endpoints?.[network.id] ?? {};
    return {
      id: '',
      networkId: network.id,
      networkName: network.name,
      ownerId: record.id,
      ownerName: record.name,
      ipv4: undefined,
      gateway: undefined,
      mac: given.mac,
      aliases: given.aliases ?? [],
      spec: given,
    };
  });
}
