import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { eventually } from '../../../../test/support/eventually.ts';
import { configMaps } from '../../../api/kubernetes/kinds.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';
import { get } from './live-get.fake.ts';

let live: LiveServer;
before(async () => {
  live = await liveServer({ watchPatienceMs: 300 });
});
after(() => live[Symbol.asyncDispose]());

const everything = '/api/v1/namespaces/default/configmaps?watch=true';
const fromNow = `${everything}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan`;

/** A watch whose reader takes the head of the answer and nothing more unless it is told to. */
async function watch(server: LiveServer, path: string): Promise<TLSSocket> {
  const { hostname, port } = new URL(server.api.url);
  const socket = connect({ host: hostname, port: Number(port), ca: server.ca, ...server.admin, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1.1 200/);
  return socket.pause();
}

/** Names of the maps in a stream, as they come. */
function namesIn(socket: TLSSocket): string[] {
  const names: string[] = [];
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    rest = text.slice(-40);
    for (const [, name = ''] of text.matchAll(/"name":"(m\d+);?"/g)) if (!names.includes(name)) names.push(name);
  });
  return names;
}

async function openWatches(): Promise<number> {
  const { text } = await get(live, '/metrics');
  const [, count = '0'] = /^apiserver_longrunning_requests\{[^}]*resource="configmaps"[^}]*\} (\d+)$/m.exec(text) ?? [];
  return Number(count);
}

test('a watcher that takes nothing is cut off, and nobody else notices', async () => {
  const [slow, quick] = await Promise.all([watch(live, fromNow), watch(live, fromNow)]);
  const seen = namesIn(quick.resume());
  assert.equal(await openWatches(), 2);
  // More than the sockets' buffers hold, so that the server has to wait for the slow one.
  const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
  for (const name of names) {
    const data = { filling: 'x'.repeat(900_000) };
    await live.api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data });
    // The quick one has each before the next is written, whatever the slow one does.
    await eventually(async () => assert.equal(seen.at(-1), name), { withinMs: 10_000 });
  }
  await eventually(async () => assert.equal(await openWatches(), 1), { withinMs: 10_000 });
  assert.deepEqual(seen, names);
  const received = namesIn(slow);
  slow.on('error', () => undefined);
  slow.resume();
  await once(slow, 'close');
  assert(received.length < names.length, `the slow watcher got ${received.length} events`);
  assert.deepEqual(received, names.slice(0, received.length));
  quick.destroy();
});

test('a watcher that takes everything, but slowly, is not cut off', async () => {
  await using patient = await liveServer({ watchPatienceMs: 2000 });
  const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const data = { filling: 'x'.repeat(900_000) };
  for (const name of names)
    await patient.api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data });
  const socket = await watch(patient, everything);
  const seen = namesIn(socket);
  // 36 MB at once, 16 kB every 4 ms: the whole takes far longer than a watcher may take nothing.
  const began = performance.now();
  socket.on('data', () => {
    socket.pause();
    setTimeout(() => socket.resume(), 4);
  });
  socket.resume();
  await eventually(async () => assert.equal(seen.length, names.length), { withinMs: 40_000 });
  assert.ok(performance.now() - began > 4000, 'it was slow');
  socket.destroy();
});
