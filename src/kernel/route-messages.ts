/** What rtnetlink's messages say, decoded: struct ifinfomsg, ifaddrmsg and rtmsg with their attributes. Pure. */
import { formatAddress } from './ip-address.ts';
import type { Link, Route } from './links.ts';
import { decodeAttributes, decodeText, type NetlinkMessage } from './netlink.ts';

/** linux/if_link.h, if_addr.h, rtnetlink.h */
export const ifla = { address: 1, name: 3, mtu: 4, link: 5, master: 10, protocolInfo: 12, linkInfo: 18, netNsFd: 28 } as const;
export const infoKind = 1;
export const infoData = 2;
export const ifa = { address: 1, local: 2, broadcast: 4 } as const;
export const rta = { destination: 1, outputLink: 4, gateway: 5, preferredSource: 7, table: 15 } as const;
export const up = 1;
export const mainTable = 254;

export function parseLink(message: NetlinkMessage): Omit<Link, 'master' | 'addresses'> & { readonly masterIndex?: number } {
  const { payload } = message;
  const attributes = decodeAttributes(payload.subarray(16));
  const kind = decodeText(decodeAttributes(attributes.get(ifla.linkInfo) ?? Buffer.alloc(0)).get(infoKind));
  const loopback = 8;
  const flags = payload.readUInt32LE(8);
  const master = attributes.get(ifla.master)?.readUInt32LE(0);
  return {
    index: payload.readInt32LE(4),
    name: decodeText(attributes.get(ifla.name)),
    kind: kind === '' ? ((flags & loopback) !== 0 ? 'loopback' : 'physical') : kind,
    mac:
      attributes
        .get(ifla.address)
        ?.toString('hex')
        .replace(/..(?=.)/g, '$&:') ?? '',
    mtu: attributes.get(ifla.mtu)?.readUInt32LE(0) ?? 0,
    isUp: (flags & up) !== 0,
    ...(master === undefined ? {} : { masterIndex: master }),
  };
}

export function parseAddressMessage(message: NetlinkMessage): { readonly index: number; readonly cidr: string } {
  const { payload } = message;
  const attributes = decodeAttributes(payload.subarray(8));
  const bytes = attributes.get(ifa.local) ?? attributes.get(ifa.address) ?? Buffer.alloc(4);
  return { index: payload.readUInt32LE(4), cidr: `${formatAddress(bytes)}/${payload.readUInt8(1)}` };
}

/** Unicast routes of the main table. */
export function parseRoute(message: NetlinkMessage, names: ReadonlyMap<number, string>): readonly Route[] {
  const { payload } = message;
  const attributes = decodeAttributes(payload.subarray(12));
  const table = attributes.get(rta.table)?.readUInt32LE(0) ?? payload.readUInt8(4);
  if (table !== mainTable || payload.readUInt8(7) !== 1) return [];
  const destination = attributes.get(rta.destination);
  const gateway = attributes.get(rta.gateway);
  const link = names.get(attributes.get(rta.outputLink)?.readUInt32LE(0) ?? 0);
  return [
    {
      to: destination ? `${formatAddress(destination)}/${payload.readUInt8(1)}` : 'default',
      ...(gateway ? { via: formatAddress(gateway) } : {}),
      ...(link === undefined ? {} : { link }),
    },
  ];
}
