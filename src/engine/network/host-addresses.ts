import { KindError } from '../../base/errors.ts';
import { bridgeOptions } from './bridge-options.ts';
import { familyOf } from './cidr.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Endpoint, PortBinding } from './networks.ts';

export interface PublishedWhere {
  readonly endpoint: Pick<Endpoint, 'ipv4' | 'ipv6'> | undefined;
  readonly network: Pick<NetworkRecord, 'options'> | undefined;
  /** Whether this host speaks IPv6 at all. */
  readonly hostHasIpv6: boolean;
}

/** Where ports go that name no address: what the network's options say, else everywhere, in each family that leads to the container. Pure. */
export function withHostAddresses(wanted: readonly PortBinding[], where: PublishedWhere): readonly PortBinding[] {
  const { endpoint, hostHasIpv6 } = where;
  const options = bridgeOptions(where.network?.options ?? {});
  const hasBoth = endpoint?.ipv4 !== undefined && endpoint.ipv6 !== undefined;
  const isSixOnly = endpoint?.ipv6 !== undefined && !hasBoth;
  const four = options.hostBindingIpv4 ?? '0.0.0.0';
  // To a container that has IPv4 only.
  const isRelayed = (protocol: string): boolean => hostHasIpv6 && protocol === 'tcp' && four === '0.0.0.0';
  return wanted.flatMap((binding) => {
    if (binding.hostIp) return [possible(binding, where)];
    const hasSix = hasBoth || isSixOnly || isRelayed(binding.protocol);
    return [
      ...(isSixOnly ? [] : [{ ...binding, hostIp: four }]),
      ...(hasSix ? [{ ...binding, hostIp: options.hostBindingIpv6 ?? '::' }] : []),
    ];
  });
}

function possible(binding: PortBinding, { endpoint }: PublishedWhere): PortBinding {
  const { hostIp = '', protocol } = binding;
  if (familyOf(hostIp) === 6 && endpoint?.ipv6 === undefined && protocol !== 'tcp')
    throw new KindError(
      'notImplemented',
      `publishing ${protocol} at [${hostIp}] is not implemented by davit for a container without an IPv6 address: give its network one (--ipv6)`,
    );
  return binding;
}
