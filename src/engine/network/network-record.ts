import type { EngineConfig } from '../engine.ts';
import { firstAddress } from './address-plan.ts';
import { formatSubnet, parseSubnet } from './cidr.ts';
import type { AddressPool, Network } from './networks.ts';
import { newId } from '../../base/ids.ts';

/** A network as it is stored; endpoints live with their containers. */
export interface NetworkRecord extends Omit<Network, 'endpoints'> {
  readonly ingress: 'published' | 'open';
  readonly predefined: boolean;
}

export function encodeNetwork(record: NetworkRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** As the first versions of davit wrote it. */
interface SingleSubnetRecord {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ipRange?: string;
}

export function decodeNetwork(value: Uint8Array): NetworkRecord {
  const record = JSON.parse(Buffer.from(value).toString()) as NetworkRecord & SingleSubnetRecord & { readonly createdAt: string };
  const { subnet, gateway, ipRange, ...rest } = record;
  const single = subnet ? [{ subnet, gateway, ipRange }] : [];
  const known = { pools: single, enableIpv4: true, enableIpv6: false };
  return { ...known, ...rest, createdAt: new Date(record.createdAt) };
}

/** The network's gateway of one family, `172.17.0.1`. */
export function gatewayOf(record: Pick<Network, 'pools'>, family: 4 | 6): string | undefined {
  return poolsOf(record, family).find(({ gateway }) => gateway !== undefined)?.gateway;
}

/** The gateway of the subnet that an endpoint's address (`172.17.0.2/16`) is of. */
export function gatewayFor({ pools }: Pick<Network, 'pools'>, cidr: string): string | undefined {
  return pools.find(({ subnet }) => subnet === formatSubnet(parseSubnet(cidr)))?.gateway;
}

export function poolsOf({ pools }: Pick<Network, 'pools'>, family: 4 | 6): readonly AddressPool[] {
  return pools.filter(({ subnet }) => parseSubnet(subnet).family === family);
}

/** `bridge`, `host` and `none`, which every host has. */
export function predefinedNetworks(config: EngineConfig): readonly NetworkRecord[] {
  const [gateway = ''] = config.bridgeAddress.split('/');
  const subnet = formatSubnet(parseSubnet(config.bridgeAddress));
  const plain = {
    pools: [],
    enableIpv4: true,
    enableIpv6: false,
    internal: false,
    attachable: false,
    labels: {},
    createdAt: new Date(),
    ingress: 'published',
    predefined: true,
    bridgeName: undefined,
    options: {},
  } as const;
  const options = {
    'com.docker.network.bridge.default_bridge': 'true',
    'com.docker.network.bridge.enable_icc': 'true',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
    'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
    'com.docker.network.bridge.name': config.bridgeName,
    'com.docker.network.driver.mtu': '1500',
  };
  const pools = [{ subnet, gateway: gateway === '' ? firstAddress(subnet) : gateway }];
  return [
    { ...plain, id: newId(), name: 'bridge', driver: 'bridge', pools, bridgeName: config.bridgeName, options },
    { ...plain, id: newId(), name: 'host', driver: 'host' },
    { ...plain, id: newId(), name: 'none', driver: 'none' },
  ];
}
