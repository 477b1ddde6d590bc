import { closeSync } from 'node:fs';
import { lastErrno, native, systemError } from './native.ts';
import { decodeAttributes, decodeMessages, decodeText, type NetlinkMessage } from './netlink.ts';
import { netlinkFamilies } from './netlink-socket.ts';
import type { NetworkChange, NetworkWatch } from './network-watch.ts';
import { poll } from './poll.ts';
import { parseAddressMessage, parseLink, parseRoute } from './route-messages.ts';

const afNetlink = 16;
const rawCloexecNonblock = 3 | 0o2000000 | 0o4000;
const [solSocket, receiveBufferForce] = [1, 33];
const [solNetlink, addMembership] = [270, 1];
const noBuffers = 105;
/** Announcements of a rule set of thousands of rules come in one go. */
const bufferBytes = 4 << 20;

/** enum rtnetlink_groups: links, addresses and routes of both families, their forwarding switches. */
const routeGroups = [1, 5, 7, 9, 11, 24, 25];
/** NFNLGRP_NFTABLES */
const ruleGroups = [7];

const types = { newLink: 16, deleteLink: 17, newAddress: 20, deleteAddress: 21, newRoute: 24, deleteRoute: 25, newNetconf: 80 } as const;

export const linuxNetworkWatch: NetworkWatch = {
  watch(told) {
    using undo = new DisposableStack();
    undo.use(listen('route', routeGroups, (data) => told(decodeMessages(data).flatMap(decodeChange))));
    undo.use(listen('netfilter', ruleGroups, (data) => told(changedTables(data))));
    return undo.move();

    function listen(family: keyof typeof netlinkFamilies, groups: readonly number[], heard: (data: Buffer) => void): Disposable {
      return listenTo(family, groups, heard, () => told([{ what: 'anything' }]));
    }
  },
};

/** `heard` gets everything that was waiting as one buffer of whole messages. */
function listenTo(
  family: keyof typeof netlinkFamilies,
  groups: readonly number[],
  heard: (data: Buffer) => void,
  dropped: () => void,
): Disposable {
  const fd = native.socket(afNetlink, rawCloexecNonblock, netlinkFamilies[family]);
  if (fd < 0) throw systemError(`open ${family} netlink socket`);
  try {
    subscribe(fd, family, groups);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const buffer = Buffer.alloc(65_536);
  const handle = poll(fd, { readable: true }, () => {
    const chunks: Buffer[] = [];
    for (;;) {
      const length = Number(native.recv(fd, buffer, buffer.length, 0));
      if (length > 0) chunks.push(Buffer.from(buffer.subarray(0, length)));
      else if (length < 0 && lastErrno() === noBuffers) dropped();
      else break;
    }
    if (chunks.length > 0) heard(Buffer.concat(chunks));
  });
  return {
    [Symbol.dispose]() {
      handle[Symbol.dispose]();
      closeSync(fd);
    },
  };
}

function subscribe(fd: number, family: string, groups: readonly number[]): void {
  native.setsockopt(fd, solSocket, receiveBufferForce, int(bufferBytes), 4);
  // struct sockaddr_nl; an address of its own (0: the kernel chooses), since announcements skip the one that is none.
  const address = Buffer.from([afNetlink, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (native.bind(fd, address, address.length) !== 0) throw systemError(`bind ${family} netlink socket`);
  for (const group of groups) {
    if (native.setsockopt(fd, solNetlink, addMembership, int(group), 4) !== 0)
      throw systemError(`listen to group ${group} of ${family} netlink`);
  }
}

function int(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

/** Of a transaction's messages those about tables, chains, rules, sets and their elements (0 to 14); each names its table in attribute 1, after struct nfgenmsg. */
function changedTables(data: Buffer): readonly NetworkChange[] {
  const lastOfRules = 14;
  const about = decodeMessages(data).filter(({ type }) => (type & 0xff) <= lastOfRules);
  const tables = new Set(about.map(({ payload }) => decodeText(decodeAttributes(payload.subarray(4)).get(1))));
  return Array.from(tables, (table) => ({ what: 'rules', table }));
}

function decodeChange(message: NetlinkMessage): readonly NetworkChange[] {
  switch (message.type) {
    case types.newLink:
    case types.deleteLink: {
      const { name, isUp, masterIndex } = parseLink(message);
      const bridgeFamily = 7;
      // The bridge speaks of its ports in messages of its own: a port that left it is no link that went.
      if (message.payload[0] === bridgeFamily) return [];
      return [{ what: 'link', name, isGone: message.type === types.deleteLink, isUp, masterIndex }];
    }
    case types.newAddress:
    case types.deleteAddress: {
      const { index, cidr } = parseAddressMessage(message);
      return [{ what: 'address', linkIndex: index, cidr, isGone: message.type === types.deleteAddress }];
    }
    case types.newRoute:
    case types.deleteRoute:
      return parseRoute(message, new Map()).map(({ to }) => ({ what: 'route', to, isGone: message.type === types.deleteRoute }));
    case types.newNetconf:
      return decodeNetconf(message.payload);
    default:
      return [];
  }
}

/** struct netconfmsg: the family; attributes: 1 link (-1: all), 2 forwarding. */
function decodeNetconf(payload: Buffer): readonly NetworkChange[] {
  const attributes = decodeAttributes(payload.subarray(4));
  const forwarding = attributes.get(2)?.readInt32LE(0);
  if (attributes.get(1)?.readInt32LE(0) !== -1 || forwarding === undefined) return [];
  return [{ what: 'forwarding', family: payload[0] === 10 ? 6 : 4, isOn: forwarding !== 0 }];
}
