import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet';
import { silentLog } from '../../base/log.ts';
import type { EndpointSlice } from '../../api/kubernetes/types.generated.ts';
import { Responder, type ResponderOptions } from './responder.ts';
import { serveDns } from './server.ts';
import { hostUpstreams, parseResolver } from './upstreams.ts';
import { buildZone } from './zone.ts';

const many: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'shop', name: 'x', labels: { 'kubernetes.io/service-name': 'many' } },
  addressType: 'IPv4',
  endpoints: Array.from({ length: 60 }, (_, index) => ({ addresses: [`10.244.0.${index + 2}`] })),
};
const services = [
  { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'web' }, spec: { clusterIP: '10.96.0.7' } },
  { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'many' }, spec: { clusterIP: 'None' } },
];
const zone = buildZone(services, [many], 'cluster.local', '10.96.0.10');

function responder(more: Partial<ResponderOptions> = {}): Responder {
  return new Responder({ zone: () => zone, upstreams: () => hostUpstreams, hostResolvers: () => [], log: silentLog, ...more });
}

const serve = (by: Responder): ReturnType<typeof serveDns> =>
  serveDns({ address: '127.0.0.1', port: 0, answer: (message, transport) => by.answer(message, transport), log: silentLog });

async function askUdp(port: number, name: string, more: Packet = {}): Promise<Packet> {
  const socket = createSocket('udp4');
  socket.send(encode({ type: 'query', id: 7, questions: [{ type: 'A', name }], ...more }), port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return decode(reply);
}

async function askTcp(port: number, name: string): Promise<Packet> {
  const query = encode({ type: 'query', id: 8, questions: [{ type: 'A', name }] });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  const socket = connect(port, '127.0.0.1');
  // In three pieces: the length may arrive apart from the message, and the message in parts.
  for (const part of [length, query.subarray(0, 5), query.subarray(5)]) socket.write(part);
  let reply = Buffer.alloc(0);
  while (reply.length < 2 || reply.length < 2 + reply.readUInt16BE(0)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    reply = Buffer.concat([reply, chunk]);
  }
  socket.destroy();
  return decode(reply.subarray(2));
}

test('answers over UDP and TCP; what does not fit in 512 bytes is truncated over UDP and whole over TCP', async () => {
  await using server = await serve(responder());
  const web = await askUdp(server.port, 'web.shop.svc.cluster.local');
  assert.equal(web.id, 7);
  assert.deepEqual(
    web.answers?.map((answer) => 'data' in answer && answer.data),
    ['10.96.0.7'],
  );
  const short = await askUdp(server.port, 'many.shop.svc.cluster.local');
  assert.equal((short.flags ?? 0) & TRUNCATED_RESPONSE, TRUNCATED_RESPONSE);
  const whole = await askTcp(server.port, 'many.shop.svc.cluster.local');
  assert.equal(whole.answers?.length, 60);
});

test('with nobody to forward to the answer is SERVFAIL', async () => {
  await using server = await serve(responder());
  assert.equal(((await askUdp(server.port, 'deb.debian.org')).flags ?? 0) & 15, 2);
});

const large: Packet = {
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
};
const rcodeOf = (packet: Packet): number => (packet.flags ?? 0) & 15;
const dataOf = (packet: Packet): unknown[] => (packet.answers ?? []).map((answer) => 'data' in answer && answer.data);

test('EDNS: what the client takes is sent whole, and answered with our own option', async () => {
  await using server = await serve(responder());
  const whole = await askUdp(server.port, 'many.shop.svc.cluster.local', large);
  assert.equal(new Set(dataOf(whole)).size, 60);
  assert.deepEqual(new Set(whole.answers?.map(({ name }) => name)), new Set(['many.shop.svc.cluster.local']));
  assert(whole.additionals?.some((record) => record.type === 'OPT'));
});

test('what is no question is told so, what is a reply is not answered', async () => {
  const by = responder();
  const broken = Buffer.from('00070100000100000000000003', 'hex');
  assert.equal(((await by.answer(broken, 'udp')) ?? Buffer.alloc(4)).readUInt16BE(2) & 15, 1);
  const notify = encode({ type: 'query', id: 1, flags: 4 << 11, questions: [{ type: 'A', name: 'x' }] });
  assert.equal(((await by.answer(notify, 'udp')) ?? Buffer.alloc(4)).readUInt16BE(2) & 15, 4);
  assert.equal(by.answer(encode({ type: 'response', id: 1, questions: [{ type: 'A', name: 'x' }] }), 'udp'), undefined);
});

/** Another resolver, which counts what it is asked. */
async function upstream(answers: (name: string) => Packet): Promise<AsyncDisposable & { readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = await serveDns({
    address: '127.0.0.1',
    port: 0,
    answer: (message) => {
      const query = decode(message);
      const name = query.questions?.[0]?.name ?? '';
      asked.push(name);
      return encode({ type: 'response', id: query.id ?? 0, questions: query.questions ?? [], ...answers(name) });
    },
    log: silentLog,
  });
  return { port: server.port, asked, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const address = (name: string): Packet => ({ answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }] });
const at = (port: number) => ({ address: '127.0.0.1', port });

test('what is not ours is asked elsewhere once, also by a crowd, and then known', async () => {
  await using other = await upstream(address);
  await using server = await serve(responder({ hostResolvers: () => [at(other.port)] }));
  const replies = await Promise.all(Array.from({ length: 5 }, () => askUdp(server.port, 'example.org')));
  for (const reply of replies) assert.deepEqual([reply.id, dataOf(reply)], [7, ['192.0.2.1']]);
  await askUdp(server.port, 'example.org');
  assert.deepEqual(other.asked, ['example.org']);
});

test('a denial is known as long as its SOA says, a failure is not kept', async () => {
  const soa = { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 20 };
  await using other = await upstream((name) =>
    name === 'broken.org' ? { flags: 2 } : { flags: 3, authorities: [{ type: 'SOA', name: 'org', ttl: 30, data: soa }] },
  );
  await using server = await serve(responder({ hostResolvers: () => [at(other.port)] }));
  for (const name of ['nope.org', 'nope.org', 'broken.org', 'broken.org']) await askUdp(server.port, name);
  assert.deepEqual(other.asked, ['nope.org', 'broken.org', 'broken.org']);
});

test('stub domains and upstreams of the ConfigMap; a silent resolver is passed over', async () => {
  await using stub = await upstream(address);
  await using rest = await upstream(address);
  const dead = parseResolver('127.0.0.1:1');
  const upstreams = { stubDomains: new Map([['acme.local', [at(stub.port)]]]), nameservers: [...(dead ? [dead] : []), at(rest.port)] };
  await using server = await serve(responder({ upstreams: () => upstreams }));
  for (const name of ['acme.local', 'db.ACME.local', 'notacme.local']) assert.equal(rcodeOf(await askUdp(server.port, name)), 0);
  assert.deepEqual([stub.asked.length, rest.asked], [2, ['notacme.local']]);
});

test('an ExternalName comes with the addresses of its target', async () => {
  await using other = await upstream(address);
  const away = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name: 'away' },
    spec: { type: 'ExternalName', externalName: 'example.org' },
  };
  const zoned = buildZone([away], [], 'cluster.local', '10.96.0.10');
  await using server = await serve(responder({ zone: () => zoned, hostResolvers: () => [at(other.port)] }));
  assert.deepEqual(dataOf(await askUdp(server.port, 'away.shop.svc.cluster.local')), ['example.org', '192.0.2.1']);
});

test('answers of the zone are new as soon as the zone is', async () => {
  let now = zone;
  await using server = await serve(responder({ zone: () => now }));
  const ask = async (): Promise<unknown[]> => dataOf(await askUdp(server.port, 'web.shop.svc.cluster.local'));
  assert.deepEqual([await ask(), await ask()], [['10.96.0.7'], ['10.96.0.7']]);
  now = buildZone([], [], 'cluster.local', '10.96.0.10');
  assert.deepEqual(await ask(), []);
});
