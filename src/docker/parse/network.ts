import { flag, list, map, record, text, type Of } from '../../api/docker/shape.ts';
import { KindError } from '../../base/errors.ts';
import type { NetworkSpec } from '../../engine/network/networks.ts';

/** Body of `POST /networks/create`. */
export const networkCreate = record({
  Name: text,
  CheckDuplicate: flag,
  Driver: text,
  Scope: text,
  EnableIPv4: flag,
  EnableIPv6: flag,
  IPAM: record({
    Driver: text,
    Options: map(text),
    Config: list(record({ Subnet: text, IPRange: text, Gateway: text, AuxiliaryAddresses: map(text) })),
  }),
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: record({ Network: text }),
  Options: map(text),
  Labels: map(text),
});

const ipvlanRefusal = 'ipvlan networks are not implemented by davit; macvlan gives containers addresses of the parent network too';
const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

type NetworkCreate = Of<typeof networkCreate>;

export function parseNetwork(body: NetworkCreate): NetworkSpec {
  const { Name: name = '', Driver: driver = '' } = body;
  if (name.trim() === '') throw new KindError('invalid', 'invalid name: name is empty');
  if (['bridge', 'host', 'none', 'default'].includes(name))
    throw new KindError('forbidden', `operation is not permitted on predefined ${name} network`);
  if (['host', 'null', 'none'].includes(driver)) throw new KindError('forbidden', `only one instance of "${driver}" network is allowed`);
  if (driver === 'ipvlan') throw new KindError('notImplemented', ipvlanRefusal);
  if (driver === 'overlay') throw new KindError('unavailable', noSwarm);
  if (driver !== '' && driver !== 'default' && driver !== 'bridge' && driver !== 'macvlan') {
    throw new KindError(
      'notFound',
      `could not find plugin ${driver} in v1 plugin registry: plugin not found (this engine has bridge and macvlan networks)`,
    );
  }
  refuseUnsupportedNetwork(body);
  return {
    name,
    driver: driver === 'macvlan' ? 'macvlan' : 'bridge',
    pools: (body.IPAM?.Config ?? []).map((config) => ({
      subnet: config.Subnet || undefined,
      gateway: config.Gateway || undefined,
      ipRange: config.IPRange || undefined,
      auxiliary: config.AuxiliaryAddresses,
    })),
    enableIpv4: body.EnableIPv4,
    enableIpv6: body.EnableIPv6,
    internal: body.Internal,
    attachable: body.Attachable,
    labels: body.Labels ?? {},
    options: body.Options ?? {},
  };
}

function refuseUnsupportedNetwork(body: NetworkCreate): void {
  const { IPAM: ipam } = body;
  if (body.Ingress) throw new KindError('forbidden', 'ingress network can only be global scope network');
  if (body.ConfigOnly || body.ConfigFrom?.Network) throw new KindError('invalid', 'config-only networks are not supported by this engine');
  if (body.Scope === 'swarm') throw new KindError('forbidden', 'cannot create a swarm scoped network when swarm is not active');
  if (body.Scope && body.Scope !== 'local') throw new KindError('invalid', `network scope "${body.Scope}" is not supported by this engine`);
  if (ipam?.Driver && ipam.Driver !== 'default')
    throw new KindError('invalid', `IPAM driver "${ipam.Driver}" is not supported by this engine`);
}
