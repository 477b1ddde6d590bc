import { closeSync } from 'node:fs';
import type { TrackedFlow } from './firewall.ts';
import { formatAddress } from './ip-address.ts';
import { native, systemError } from './native.ts';
import {
  ack,
  decodeAttributes,
  decodeMessages,
  doneType,
  dump,
  encodeAttributes,
  encodeMessage,
  errorType,
  nested,
  request,
  type NetlinkMessage,
} from './netlink.ts';
import { netfilterFamily } from './nft-messages.ts';

/** linux/netfilter/nfnetlink_conntrack.h: subsystem 1. */
const [getFlow, deleteFlow] = [(1 << 8) | 1, (1 << 8) | 2];
const tuple = { original: 1, reply: 2 } as const;
const parts = { addresses: 1, protocol: 2 } as const;
const address = { source: 1, destination: 2 } as const;
const protocol = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const udp = 17;
const ipv4 = Buffer.from([2, 0, 0, 0]);
const notFound = 2;

/** Looks through the flows of this network namespace; one that ended meanwhile is forgotten too. */
export function forgetFlows(isStale: (flow: TrackedFlow) => boolean): number {
  const fd = native.socket(16, 3 | 0o2000000, netfilterFamily);
  if (fd < 0) throw systemError('open netfilter netlink socket');
  try {
    const stale = exchange(fd, getFlow, request | dump, ipv4, 'list tracked flows').filter((message) => {
      const flow = decodeFlow(message);
      return flow !== undefined && isStale(flow);
    });
    for (const message of stale) {
      const original = attributesOf(message).get(tuple.original) ?? Buffer.alloc(0);
      const payload = Buffer.concat([ipv4, encodeAttributes([[tuple.original | nested, original]])]);
      exchange(fd, deleteFlow, request | ack, payload, 'forget a tracked flow');
    }
    return stale.length;
  } finally {
    closeSync(fd);
  }
}

function attributesOf({ payload }: NetlinkMessage): ReadonlyMap<number, Buffer> {
  return decodeAttributes(payload.subarray(4));
}

function decodeFlow(message: NetlinkMessage): TrackedFlow | undefined {
  const attributes = attributesOf(message);
  const [original, reply] = [decodeTuple(attributes.get(tuple.original)), decodeTuple(attributes.get(tuple.reply))];
  if (original?.protocol !== udp || !reply) return undefined;
  return {
    source: original.source,
    destination: original.destination,
    destinationPort: original.destinationPort,
    replySource: reply.source,
    replySourcePort: reply.sourcePort,
  };
}

interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function decodeTuple(data: Buffer | undefined): Tuple | undefined {
  const outer = decodeAttributes(data ?? Buffer.alloc(0));
  const addresses = decodeAttributes(outer.get(parts.addresses) ?? Buffer.alloc(0));
  const inner = decodeAttributes(outer.get(parts.protocol) ?? Buffer.alloc(0));
  const [source, destination] = [addresses.get(address.source), addresses.get(address.destination)];
  if (!source || !destination) return undefined;
  return {
    source: formatAddress(source),
    destination: formatAddress(destination),
    protocol: inner.get(protocol.number)?.readUInt8(0) ?? 0,
    sourcePort: inner.get(protocol.sourcePort)?.readUInt16BE(0) ?? 0,
    destinationPort: inner.get(protocol.destinationPort)?.readUInt16BE(0) ?? 0,
  };
}

/** Sends one request and reads to the end of its answer. */
function exchange(fd: number, type: number, flags: number, payload: Buffer, doing: string): readonly NetlinkMessage[] {
  const message = encodeMessage(type, flags, 1, payload);
  if (Number(native.send(fd, message, message.length, 0)) < 0) throw systemError(doing);
  const answers: NetlinkMessage[] = [];
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    const length = Number(native.recv(fd, buffer, buffer.length, 0));
    if (length < 0) throw systemError(doing);
    for (const answer of decodeMessages(Buffer.from(buffer.subarray(0, length)))) {
      if (answer.type === doneType) return answers;
      if (answer.type !== errorType) {
        answers.push(answer);
        continue;
      }
      const errno = -answer.payload.readInt32LE(0);
      if (errno !== 0 && errno !== notFound) throw systemError(doing, errno);
      return answers;
    }
  }
}
