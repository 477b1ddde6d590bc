import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode, type Packet, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Log } from '../../base/log.ts';
import { messageOf } from '../../base/errors.ts';
import { forward, type Transport } from './forward.ts';
import { resolve } from './resolve.ts';
import type { Zone } from './zone.ts';

export interface DnsServerOptions {
  readonly address: string;
  readonly port: number;
  /** The zone now; called for every question. */
  readonly zone: () => Zone;
  /** The host's resolvers, asked in order for everything outside the zone. */
  readonly upstreams: () => readonly string[];
  readonly log: Log;
}

const udpLimit = 512;

/** A DNS server on UDP and TCP (RFC 1035); answers from the zone and forwards the rest. */
export async function serveDns(options: DnsServerOptions): Promise<AsyncDisposable & { readonly port: number }> {
  await using starting = new AsyncDisposableStack();
  const udp = createSocket('udp4');
  starting.defer(() => new Promise<void>((done) => void udp.close(() => done())));
  udp.on('message', (query, peer) => void answerUdp(udp, query, peer, options));
  udp.on('error', (error) => options.log.warn({ error: error.message }, 'DNS socket'));
  udp.bind(options.port, options.address);
  await once(udp, 'listening');
  const { port } = udp.address();
  const tcp = createServer((socket) => serveTcp(socket, options));
  tcp.listen(port, options.address);
  await once(tcp, 'listening');
  starting.defer(() => closeServer(tcp));
  const running = starting.move();
  return { port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function answerUdp(udp: UdpSocket, query: Buffer, peer: RemoteInfo, options: DnsServerOptions): Promise<void> {
  const reply = await answer(query, 'udp', options);
  if (reply) udp.send(reply, peer.port, peer.address, () => undefined);
}

/** Each message is preceded by its length in two bytes (RFC 1035 §4.2.2). */
function serveTcp(socket: Socket, options: DnsServerOptions): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const query = pending.subarray(2, end);
      pending = pending.subarray(end);
      void answer(query, 'tcp', options).then((reply) => {
        if (reply && socket.writable) socket.write(Buffer.concat([lengthOf(reply), reply]));
      });
    }
  });
}

function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

/** Undefined for what is no query at all. */
async function answer(message: Buffer, transport: Transport, options: DnsServerOptions): Promise<Buffer | undefined> {
  const query = decodeQuery(message);
  const question = query?.questions?.[0];
  if (!query || !question) return undefined;
  const resolution = resolve(options.zone(), question);
  if (resolution.kind === 'forward') {
    try {
      return await forward(message, transport, options.upstreams());
    } catch (error) {
      options.log.debug({ name: question.name, error: messageOf(error) }, 'no resolver answered');
      return respond(query, 2, []);
    }
  }
  const reply = respond(query, resolution.rcode === 'NXDOMAIN' ? 3 : 0, [...resolution.answers], AUTHORITATIVE_ANSWER);
  const isTooLong = transport === 'udp' && reply.length > udpSize(query);
  return isTooLong ? respond(query, 0, [], AUTHORITATIVE_ANSWER | TRUNCATED_RESPONSE) : reply;
}

function decodeQuery(message: Buffer): Packet | undefined {
  try {
    const packet = decode(message);
    return packet.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

function respond(query: Packet, rcode: number, answers: Packet['answers'], flags = 0): Buffer {
  const asked = (query.flags ?? 0) & RECURSION_DESIRED;
  return encode({
    type: 'response',
    id: query.id,
    flags: asked | RECURSION_AVAILABLE | flags | rcode,
    questions: query.questions,
    answers: [...(answers ?? [])],
  });
}

/** 512 bytes, or what the client's EDNS option offers (RFC 6891). */
function udpSize(query: Packet): number {
  const option = query.additionals?.find((record) => record.type === 'OPT');
  return option && 'udpPayloadSize' in option ? Math.max(udpLimit, option.udpPayloadSize) : udpLimit;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
