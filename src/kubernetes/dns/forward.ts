import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { KindError, messageOf } from '../../base/errors.ts';
import { parseResolver, type Resolver } from './upstreams.ts';

export type Transport = 'udp' | 'tcp';

const patienceMs = 2000;

/** Passes a query on unchanged to the first resolver that answers. */
export async function forward(query: Buffer, transport: Transport, upstreams: readonly Resolver[]): Promise<Buffer> {
  const failures: string[] = [];
  for (const upstream of upstreams) {
    try {
      return await (transport === 'udp' ? askUdp(query, upstream) : askTcp(query, upstream));
    } catch (error) {
      failures.push(`${upstream.address}: ${messageOf(error)}`);
    }
  }
  throw new KindError('unavailable', failures.length > 0 ? failures.join('; ') : 'this host names no resolver in /etc/resolv.conf');
}

function askUdp(query: Buffer, { address, port }: Resolver): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const timer = setTimeout(() => reject(new KindError('unavailable', 'no answer in time')), patienceMs);
  socket.on('message', (reply) => {
    if (reply.length >= 2 && reply.readUInt16BE(0) === query.readUInt16BE(0)) resolve(reply);
  });
  socket.on('error', reject);
  socket.connect(port, address, () => socket.send(query, 0, query.length));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askTcp(query: Buffer, { address, port }: Resolver): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(port, address);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  let pending = Buffer.alloc(0);
  socket.setTimeout(patienceMs, () => reject(new KindError('unavailable', 'no answer in time')));
  socket.on('error', reject);
  socket.on('close', () => reject(new KindError('unavailable', 'connection closed without an answer')));
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    if (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) resolve(pending.subarray(2, 2 + pending.readUInt16BE(0)));
  });
  socket.write(Buffer.concat([length, query]));
  return promise.finally(() => socket.destroy());
}

/** The nameservers of a resolv.conf(5), without those that only this host can reach. */
export function hostResolvers(path = '/etc/resolv.conf'): readonly Resolver[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const servers = lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return servers.filter((server) => !/^127\.|^::1$/.test(server)).flatMap((server) => parseResolver(server) ?? []);
}
