import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { EngineConfig } from '../engine.ts';
import { checkPool, choosePool, firstAddress, type Holder } from './address-plan.ts';
import { formatSubnet, parseSubnet } from './cidr.ts';
import type { Network, NetworkSpec } from './networks.ts';

/** A network as it is stored; endpoints live with their containers. */
export interface NetworkRecord extends Omit<Network, 'endpoints'> {
  readonly ingress: 'published' | 'open';
  readonly predefined: boolean;
}

export function encodeNetwork(record: NetworkRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

export function decodeNetwork(value: Uint8Array): NetworkRecord {
  const record = JSON.parse(Buffer.from(value).toString()) as NetworkRecord & { readonly createdAt: string };
  return { ...record, createdAt: new Date(record.createdAt) };
}

/** What a wish becomes: subnet, gateway and bridge are chosen here. */
export function planNetwork(spec: NetworkSpec, holders: readonly Holder[]): NetworkRecord {
  const id = newId();
  const options = spec.options ?? {};
  const base = {
    id,
    name: spec.name,
    driver: spec.driver,
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    labels: spec.labels ?? {},
    options,
    createdAt: new Date(),
    ingress: spec.ingress ?? ('published' as const),
    predefined: false,
  };
  if (spec.driver !== 'bridge') return { ...base, subnet: undefined, gateway: undefined, ipRange: undefined, bridgeName: undefined };
  if (spec.enableIpv6) throw new KindError('notImplemented', 'IPv6 networks are not implemented yet');
  const subnet = spec.subnet ? checkPool(spec.subnet, holders) : choosePool(holders);
  const bridgeName = options['com.docker.network.bridge.name'] ?? `br-${id.slice(0, 12)}`;
  if (bridgeName.length > 15) throw new KindError('invalid', `bridge name ${bridgeName} is longer than 15 characters`);
  return { ...base, subnet, gateway: spec.gateway ?? firstAddress(subnet), ipRange: spec.ipRange, bridgeName };
}

/** `bridge`, `host` and `none`, which every host has. */
export function predefinedNetworks(config: EngineConfig): readonly NetworkRecord[] {
  const [gateway = ''] = config.bridgeAddress.split('/');
  const plain = {
    ipRange: undefined,
    internal: false,
    attachable: false,
    labels: {},
    createdAt: new Date(),
    ingress: 'published',
    predefined: true,
  } as const;
  const bridgeOptions = {
    'com.docker.network.bridge.default_bridge': 'true',
    'com.docker.network.bridge.enable_icc': 'true',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
    'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
    'com.docker.network.bridge.name': config.bridgeName,
    'com.docker.network.driver.mtu': '1500',
  };
  return [
    {
      ...plain,
      id: newId(),
      name: 'bridge',
      driver: 'bridge',
      subnet: formatSubnet(parseSubnet(config.bridgeAddress)),
      gateway,
      bridgeName: config.bridgeName,
      options: bridgeOptions,
    },
    { ...plain, id: newId(), name: 'host', driver: 'host', subnet: undefined, gateway: undefined, bridgeName: undefined, options: {} },
    { ...plain, id: newId(), name: 'none', driver: 'none', subnet: undefined, gateway: undefined, bridgeName: undefined, options: {} },
  ];
}
