import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request, type RequestOptions, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
let kubelet: Server;
const asked: string[] = [];

/** Says who asked for what; sends back whatever comes over an upgraded connection. */
async function fakeKubelet(): Promise<Server> {
  const identity = await live.issue('kubelet', 'system:nodes', ['127.0.0.1']);
  const server = createServer({ ...identity, ca: live.ca, requestCert: true }, (incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    outgoing.statusCode = incoming.url?.includes('previous=true') ? 400 : 200;
    outgoing.end(incoming.url?.includes('previous=true') ? 'previous terminated container "c" in pod "p" not found' : 'line\n');
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
    asked.push(incoming.url ?? '');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\n\r\n`);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

before(async () => {
  live = await liveServer();
  kubelet = await fakeKubelet();
  const { client } = live.api;
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } },
  };
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status });
  const pod = (name: string): Parameters<typeof client.create>[1] =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    }) as never;
  await client.create(pods, pod('p') as never);
  await client.create(pods, pod('homeless') as never);
  await client.bind({ namespace: 'default', name: 'p' }, 'n');
});
after(async () => {
  kubelet.closeAllConnections();
  kubelet.close();
  await live[Symbol.asyncDispose]();
});

const optionsFor = (headers: Readonly<Record<string, string>> = {}): RequestOptions => ({
  ca: live.ca,
  ...live.admin,
  agent: false,
  headers,
});

async function fetchText(path: string): Promise<{ readonly code: number; readonly text: string }> {
  const outgoing = request(`${live.api.url}${path}`, optionsFor());
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: incoming.statusCode ?? 0, text: Buffer.concat(await incoming.toArray()).toString('utf8') };
}

test('logs come from the kubelet of the node', async () => {
  assert.deepEqual(await fetchText('/api/v1/namespaces/default/pods/p/log?tailLines=1&timestamps=true'), { code: 200, text: 'line\n' });
  assert.equal(asked.at(-1), '/containerLogs/default/p/c?tailLines=1&timestamps=true');
  const refused = await fetchText('/api/v1/namespaces/default/pods/p/log?previous=true');
  assert.equal(refused.code, 400);
  assert.match(refused.text, /previous terminated container \\"c\\" in pod \\"p\\" not found/);
  assert.match((await fetchText('/api/v1/namespaces/default/pods/p/log?container=x')).text, /container x is not valid for pod p/);
  assert.match((await fetchText('/api/v1/namespaces/default/pods/homeless/log')).text, /pod homeless does not have a host assigned/);
});

test('an upgraded connection goes through to the kubelet, byte by byte', async () => {
  const path = '/api/v1/namespaces/default/pods/p/exec?command=ls&command=-l&stdout=true';
  const outgoing = request(`${live.api.url}${path}`, { ...optionsFor({ Connection: 'Upgrade', Upgrade: 'SPDY/3.1' }), method: 'POST' });
  outgoing.end();
  const [answer, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Duplex];
  assert.equal(answer.headers.upgrade, 'SPDY/3.1');
  assert.equal(asked.at(-1), '/exec/default/p/c?command=ls&command=-l&stdout=true');
  socket.write('ping');
  assert.equal(String((await once(socket, 'data'))[0]), 'ping');
  socket.destroy();
});

test('an upgrade that is refused is answered, one that was not asked for too', async () => {
  const outgoing = request(
    `${live.api.url}/api/v1/namespaces/default/pods/none/exec?command=ls`,
    optionsFor({ Connection: 'Upgrade', Upgrade: 'SPDY/3.1' }),
  );
  outgoing.end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  assert.equal(answer.statusCode, 404);
  answer.resume();
  assert.match((await fetchText('/api/v1/namespaces/default/pods/p/exec?command=ls')).text, /Upgrade request required/);
});
