import { closeSync, openSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { parseAddress, parseCidr } from './ip-address.ts';
import type { LinkOperation, Links } from './links.ts';
import { create, encodeAttributes, exclusive, nested, text, u32, u8, type Attribute } from './netlink.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { inNetwork } from './network-namespace.ts';
import { ifa, ifla, infoData, infoKind, mainTable, parseAddressMessage, parseLink, parseRoute, rta, up } from './route-messages.ts';

const newLink = 16;
const deleteLink = 17;
const getLink = 18;
const setLink = 19;
const newAddress = 20;
const deleteAddress = 21;
const getAddress = 22;
const newRoute = 24;
const deleteRoute = 25;
const getRoute = 26;

const vethPeer = 1;
const bridgePortMode = 4;
const afBridge = 7;
const noDuplicateDetection = 0x02;
const familyNumber = { 4: 2, 6: 10 } as const;

export const linuxLinks: Links = {
  apply(operations, namespace) {
    using socket = openSocket(namespace);
    for (const operation of operations) applyOne(socket, operation);
  },

  async remove(name) {
    using socket = new NetlinkSocket();
    await socket.changeLater(deleteLink, 0, named(name), `delete link ${name}`);
  },

  list(namespace) {
    using socket = openSocket(namespace);
    const links = socket.list(getLink, ifInfo(), 'list links').map(parseLink);
    const names = new Map(links.map((link) => [link.index, link.name]));
    const addresses = Map.groupBy(
      socket.list(getAddress, Buffer.alloc(8), 'list addresses').map(parseAddressMessage),
      (address) => address.index,
    );
    return links.map(({ masterIndex, ...link }) => ({
      ...link,
      ...(masterIndex === undefined ? {} : { master: names.get(masterIndex) ?? String(masterIndex) }),
      addresses: (addresses.get(link.index) ?? []).map((address) => address.cidr),
    }));
  },

  routes(namespace) {
    using socket = openSocket(namespace);
    const names = new Map(
      socket.list(getLink, ifInfo(), 'list links').map((message) => [parseLink(message).index, parseLink(message).name]),
    );
    return socket.list(getRoute, Buffer.alloc(12), 'list routes').flatMap((message) => parseRoute(message, names));
  },
};

function openSocket(namespace: string | undefined): NetlinkSocket {
  return namespace === undefined ? new NetlinkSocket() : inNetwork(namespace, () => new NetlinkSocket());
}

function applyOne(socket: NetlinkSocket, operation: LinkOperation): void {
  switch (operation.do) {
    case 'addBridge':
      return addBridge(socket, operation);
    case 'addVeth':
      return addVeth(socket, operation);
    case 'addMacvlan':
      return addMacvlan(socket, operation);
    case 'deleteLink':
      return socket.change(deleteLink, 0, named(operation.name), `delete link ${operation.name}`);
    case 'setUp':
      return socket.change(newLink, 0, named(operation.name, { flags: up, change: up }), `set link ${operation.name} up`);
    case 'setDown':
      return socket.change(newLink, 0, named(operation.name, { flags: 0, change: up }), `set link ${operation.name} down`);
    case 'setMaster':
      return setMaster(socket, operation);
    case 'addAddress':
    case 'deleteAddress':
      return changeAddress(socket, operation);
    case 'addRoute':
    case 'deleteRoute':
      return changeRoute(socket, operation);
  }
}

function addBridge(socket: NetlinkSocket, operation: LinkOperation & { do: 'addBridge' }): void {
  const payload = Buffer.concat([
    ifInfo(),
    encodeAttributes([
      [ifla.name, linkName(operation.name)],
      ...optional(ifla.address, operation.mac, parseMac),
      ...optional(ifla.mtu, operation.mtu, u32),
      [ifla.linkInfo | nested, encodeAttributes([[infoKind, text('bridge')]])],
    ]),
  ]);
  socket.change(newLink, create | exclusive, payload, `add bridge ${operation.name}`);
}

function addVeth(socket: NetlinkSocket, operation: LinkOperation & { do: 'addVeth' }): void {
  const { name, peer, peerNamespace, peerMac, mtu } = operation;
  const doing = `add veth ${name} with peer ${peer}${peerNamespace === undefined ? '' : ` in ${peerNamespace}`}`;
  const fd = peerNamespace === undefined ? undefined : openNamespace(peerNamespace, doing);
  try {
    const peerInfo = Buffer.concat([
      ifInfo(),
      encodeAttributes([
        [ifla.name, linkName(peer)],
        ...optional(ifla.address, peerMac, parseMac),
        ...optional(ifla.mtu, mtu, u32),
        ...optional(ifla.netNsFd, fd, u32),
      ]),
    ]);
    const info = encodeAttributes([
      [infoKind, text('veth')],
      [infoData | nested, encodeAttributes([[vethPeer | nested, peerInfo]])],
    ]);
    const attributes = encodeAttributes([[ifla.name, linkName(name)], ...optional(ifla.mtu, mtu, u32), [ifla.linkInfo | nested, info]]);
    socket.change(newLink, create | exclusive, Buffer.concat([ifInfo(), attributes]), doing);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** IFLA_MACVLAN_MODE, linux/if_link.h */
const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

/** Born in the target namespace, its parent stays here. */
function addMacvlan(socket: NetlinkSocket, operation: LinkOperation & { do: 'addMacvlan' }): void {
  const { name, parent, mode, namespace, mac, mtu } = operation;
  const doing = `add macvlan ${name} on ${parent}`;
  const fd = openNamespace(namespace, doing);
  try {
    const info = encodeAttributes([
      [infoKind, text('macvlan')],
      [infoData | nested, encodeAttributes([[1, u32(macvlanModes[mode])]])],
    ]);
    const attributes = encodeAttributes([
      [ifla.name, linkName(name)],
      [ifla.link, u32(indexOf(socket, parent, doing))],
      [ifla.netNsFd, u32(fd)],
      ...optional(ifla.address, mac, parseMac),
      ...optional(ifla.mtu, mtu, u32),
      [ifla.linkInfo | nested, info],
    ]);
    socket.change(newLink, create | exclusive, Buffer.concat([ifInfo(), attributes]), doing);
  } finally {
    closeSync(fd);
  }
}

function openNamespace(path: string, doing: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new KindError('notFound', `${doing}: no network namespace at ${path}`, { cause: error });
  }
}

function setMaster(socket: NetlinkSocket, operation: LinkOperation & { do: 'setMaster' }): void {
  const { name, master, hairpin } = operation;
  const doing = `set master of ${name} to ${master}`;
  const masterIndex = indexOf(socket, master, doing);
  socket.change(newLink, 0, Buffer.concat([named(name), encodeAttributes([[ifla.master, u32(masterIndex)]])]), doing);
  if (hairpin === undefined) return;
  const port = encodeAttributes([[ifla.protocolInfo | nested, encodeAttributes([[bridgePortMode, u8(hairpin ? 1 : 0)]])]]);
  const payload = Buffer.concat([ifInfo({ family: afBridge, index: indexOf(socket, name, doing) }), port]);
  socket.change(setLink, 0, payload, `set hairpin mode of ${name}`);
}

function changeAddress(socket: NetlinkSocket, operation: LinkOperation & { do: 'addAddress' | 'deleteAddress' }): void {
  const adds = operation.do === 'addAddress';
  const doing = `${adds ? 'add' : 'delete'} address ${operation.cidr} ${adds ? 'to' : 'of'} ${operation.name}`;
  const { family, bytes, prefix } = parseCidr(operation.cidr);
  const header = Buffer.from([familyNumber[family], prefix, family === 6 ? noDuplicateDetection : 0, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(indexOf(socket, operation.name, doing), 4);
  const attributes: Attribute[] = [
    [ifa.local, bytes],
    [ifa.address, bytes],
  ];
  if (adds && family === 4 && prefix < 31) attributes.push([ifa.broadcast, broadcastOf(bytes, prefix)]);
  try {
    socket.change(
      adds ? newAddress : deleteAddress,
      adds ? create | exclusive : 0,
      Buffer.concat([header, encodeAttributes(attributes)]),
      doing,
    );
  } catch (error) {
    throw missing(error, ['EADDRNOTAVAIL'], doing);
  }
}

function changeRoute(socket: NetlinkSocket, operation: LinkOperation & { do: 'addRoute' | 'deleteRoute' }): void {
  const adds = operation.do === 'addRoute';
  const { to, via, name } = operation;
  const source = operation.do === 'addRoute' ? operation.from : undefined;
  const doing = `${adds ? 'add' : 'delete'} route to ${to}${via === undefined ? '' : ` via ${via}`}${name === undefined ? '' : ` through ${name}`}`;
  const gateway = via === undefined ? undefined : parseAddress(via);
  const destination = to === 'default' ? undefined : parseCidr(to);
  const family = destination?.family ?? gateway?.family ?? 4;
  const [boot, unicast, linkScope, nowhere] = [3, 1, 253, 255];
  const scope = !adds ? nowhere : gateway === undefined && family === 4 ? linkScope : 0;
  const header = Buffer.from([
    familyNumber[family],
    destination?.prefix ?? 0,
    0,
    0,
    mainTable,
    boot,
    scope,
    adds ? unicast : 0,
    0,
    0,
    0,
    0,
  ]);
  const attributes = encodeAttributes([
    ...optional(rta.destination, destination?.bytes, (bytes) => bytes),
    ...optional(rta.gateway, gateway?.bytes, (bytes) => bytes),
    ...optional(rta.outputLink, name, (link) => u32(indexOf(socket, link, doing))),
    ...optional(rta.preferredSource, source, (address) => parseAddress(address).bytes),
  ]);
  socket.change(adds ? newRoute : deleteRoute, adds ? create | exclusive : 0, Buffer.concat([header, attributes]), doing);
}

function indexOf(socket: NetlinkSocket, name: string, doing: string): number {
  return socket.get(getLink, named(name), `${doing}: find link ${name}`).payload.readInt32LE(4);
}

/** struct ifinfomsg */
function ifInfo(fields: { family?: number; index?: number; flags?: number; change?: number } = {}): Buffer {
  const buffer = Buffer.alloc(16);
  buffer.writeUInt8(fields.family ?? 0, 0);
  buffer.writeInt32LE(fields.index ?? 0, 4);
  buffer.writeUInt32LE(fields.flags ?? 0, 8);
  buffer.writeUInt32LE(fields.change ?? 0, 12);
  return buffer;
}

function named(name: string, fields: { flags?: number; change?: number } = {}): Buffer {
  return Buffer.concat([ifInfo(fields), encodeAttributes([[ifla.name, linkName(name)]])]);
}

function linkName(name: string): Buffer {
  if (name === '' || Buffer.byteLength(name) > 15 || /[\s/]/.test(name)) {
    throw new KindError('invalid', `invalid link name "${name}": want 1 to 15 bytes without spaces and slashes`);
  }
  return text(name);
}

function optional<T>(type: number, value: T | undefined, encode: (value: T) => Buffer): readonly Attribute[] {
  return value === undefined ? [] : [[type, encode(value)]];
}

function parseMac(mac: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new KindError('invalid', `invalid MAC address "${mac}": want 02:42:ac:11:00:02`);
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function broadcastOf(bytes: Buffer, prefix: number): Buffer {
  const address = bytes.readUInt32BE(0);
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE((address | (0xffffffff >>> prefix)) >>> 0);
  return buffer;
}

function missing(error: unknown, codes: readonly string[], doing: string): unknown {
  if (!(error instanceof KindError)) return error;
  const details = error.details as { readonly code?: string } | undefined;
  return codes.includes(details?.code ?? '') ? new KindError('notFound', `${doing}: no such address`, { cause: error }) : error;
}
