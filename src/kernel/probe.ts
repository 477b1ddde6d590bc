import { closeSync } from 'node:fs';
import { parseAddress } from './ip-address.ts';
import { lastErrno, native, systemError } from './native.ts';
import { inNetwork } from './network-namespace.ts';
import { poll } from './poll.ts';
import { socketAddress } from './port-probe.ts';

/** Asks the network for real, from inside a namespace (undefined: this thread's): nothing is changed but for a connection that is closed at once. */

const families = { 4: 2, 6: 10 } as const;
const [stream, datagram, raw, cloexecNonblock] = [1, 2, 3, 0o2000000 | 0o4000];
const inProgress = 115;
const names: Readonly<Record<number, ConnectResult>> = {
  111: 'refused',
  110: 'timeout',
  101: 'unreachable',
  113: 'unreachable',
  1: 'forbidden',
  13: 'forbidden',
};

/** `refused`: somebody answered that nothing listens (or a rule rejects). `timeout`: nobody answered. */
export type ConnectResult = 'connected' | 'refused' | 'timeout' | 'unreachable' | 'forbidden';

/** One TCP connection attempt. */
export async function tryConnect(namespace: string | undefined, address: string, port: number, timeoutMs: number): Promise<ConnectResult> {
  const { family, bytes } = parseAddress(address);
  const fd = open(namespace, family, stream, 0);
  try {
    const to = socketAddress(family, bytes, port);
    if (native.connect(fd, to, to.length) === 0) return 'connected';
    if (lastErrno() !== inProgress) return names[lastErrno()] ?? 'unreachable';
    if (!(await ready(fd, { writable: true }, timeoutMs))) return 'timeout';
    const [error, length] = [Buffer.alloc(4), [4]];
    const [solSocket, soError] = [1, 4];
    if (native.getsockopt(fd, solSocket, soError, error, length) !== 0) throw systemError('read the outcome of a connection');
    const errno = error.readInt32LE(0);
    return errno === 0 ? 'connected' : (names[errno] ?? 'unreachable');
  } finally {
    closeSync(fd);
  }
}

/** Sends one datagram and gives what comes back; undefined when nothing does. */
export async function askDatagram(
  namespace: string | undefined,
  address: string,
  port: number,
  data: Buffer,
  timeoutMs: number,
): Promise<Buffer | undefined> {
  const { family, bytes } = parseAddress(address);
  const fd = open(namespace, family, datagram, 0);
  try {
    const to = socketAddress(family, bytes, port);
    if (native.connect(fd, to, to.length) !== 0 || Number(native.send(fd, data, data.length, 0)) < 0) return undefined;
    return (await ready(fd, { readable: true }, timeoutMs)) ? receive(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** An ICMP echo of `bytes` in all that must not be fragmented: whether it came back. IPv4. */
export async function tryPing(namespace: string | undefined, address: string, bytes: number, timeoutMs: number): Promise<boolean> {
  const icmp = 1;
  const fd = open(namespace, 4, raw, icmp);
  try {
    const [ipLevel, mtuDiscover, always] = [0, 10, Buffer.from([2, 0, 0, 0])];
    native.setsockopt(fd, ipLevel, mtuDiscover, always, 4);
    const to = socketAddress(4, parseAddress(address).bytes, 0);
    const packet = echoRequest(bytes - 20);
    if (native.connect(fd, to, to.length) !== 0 || Number(native.send(fd, packet, packet.length, 0)) < 0) return false;
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      if (!(await ready(fd, { readable: true }, deadline - performance.now()))) return false;
      // The IP header comes along; type 0 is the reply, then our identifier.
      const answer = receive(fd);
      if (answer && answer[20] === 0 && answer.readUInt16BE(24) === packet.readUInt16BE(4)) return true;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

function open(namespace: string | undefined, family: 4 | 6, type: number, protocol: number): number {
  const make = (): number => native.socket(families[family], type | cloexecNonblock, protocol);
  const fd = namespace === undefined ? make() : inNetwork(namespace, make);
  if (fd < 0) throw systemError('open a socket');
  return fd;
}

function receive(fd: number): Buffer | undefined {
  const buffer = Buffer.alloc(65_536);
  const length = Number(native.recv(fd, buffer, buffer.length, 0));
  return length < 0 ? undefined : buffer.subarray(0, length);
}

function ready(fd: number, interest: { readonly readable?: boolean; readonly writable?: boolean }, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const handle = poll(fd, interest, () => resolve(true));
  const timer = setTimeout(() => resolve(false), timeoutMs);
  return promise.finally(() => {
    clearTimeout(timer);
    handle[Symbol.dispose]();
  });
}

/** RFC 792, with its checksum (the sum of all 16-bit words, inverted). */
function echoRequest(length: number): Buffer {
  const packet = Buffer.alloc(Math.max(8, length));
  packet[0] = 8;
  packet.writeUInt16BE(process.pid & 0xffff, 4);
  let sum = 0;
  for (let at = 0; at < packet.length; at += 2) sum += (packet[at] ?? 0) * 256 + (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 2);
  return packet;
}
