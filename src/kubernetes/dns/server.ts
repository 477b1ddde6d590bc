import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { systemCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Transport } from './forward.ts';

export interface DnsServerOptions {
  readonly address: string;
  /** 0: any that is free for both protocols. */
  readonly port: number;
  readonly answer: (message: Buffer, transport: Transport) => Buffer | undefined | Promise<Buffer | undefined>;
  readonly log: Log;
}

const tries = 20;

/** A DNS server on UDP and TCP (RFC 1035). */
export async function serveDns(options: DnsServerOptions): Promise<AsyncDisposable & { readonly port: number }> {
  for (let left = tries; ; left -= 1) {
    try {
      return await listen(options);
    } catch (error) {
      // The port that one protocol got may be taken for the other.
      if (options.port !== 0 || left === 0 || systemCode(error) !== 'EADDRINUSE') throw error;
    }
  }
}

async function listen(options: DnsServerOptions): Promise<AsyncDisposable & { readonly port: number }> {
  await using starting = new AsyncDisposableStack();
  const udp = createSocket('udp4');
  starting.defer(() => new Promise<void>((done) => void udp.close(() => done())));
  udp.on('message', (query, peer) => answerUdp(udp, query, peer, options));
  udp.bind(options.port, options.address);
  await once(udp, 'listening');
  udp.on('error', (error) => options.log.warn({ error: error.message }, 'DNS socket'));
  const { port } = udp.address();
  const tcp = createServer((socket) => serveTcp(socket, options));
  tcp.listen(port, options.address);
  await once(tcp, 'listening');
  starting.defer(() => closeServer(tcp));
  const running = starting.move();
  return { port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function answerUdp(udp: UdpSocket, query: Buffer, peer: RemoteInfo, { answer }: DnsServerOptions): void {
  const send = (reply: Buffer | undefined): void => {
    if (reply) udp.send(reply, peer.port, peer.address, () => undefined);
  };
  const reply = answer(query, 'udp');
  if (reply instanceof Promise) void reply.then(send);
  else send(reply);
}

/** Each message is preceded by its length in two bytes (RFC 1035 §4.2.2). */
function serveTcp(socket: Socket, { answer }: DnsServerOptions): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const send = (reply: Buffer | undefined): void => {
    if (reply && socket.writable) socket.write(Buffer.concat([lengthOf(reply), reply]));
  };
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const query = pending.subarray(2, end);
      pending = pending.subarray(end);
      void Promise.resolve(answer(query, 'tcp')).then(send);
    }
  });
}

function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
