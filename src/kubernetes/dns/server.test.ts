import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet';
import { silentLog } from '../../base/log.ts';
import type { EndpointSlice } from '../../api/kubernetes/types.generated.ts';
import { serveDns } from './server.ts';
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
const zone = buildZone(services, [many], 'cluster.local');
const options = { address: '127.0.0.1', port: 0, zone: () => zone, upstreams: () => [], log: silentLog };

async function askUdp(port: number, name: string): Promise<Packet> {
  const socket = createSocket('udp4');
  socket.send(encode({ type: 'query', id: 7, questions: [{ type: 'A', name }] }), port, '127.0.0.1');
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
  await using server = await serveDns(options);
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
  await using server = await serveDns(options);
  assert.equal(((await askUdp(server.port, 'deb.debian.org')).flags ?? 0) & 15, 2);
});
