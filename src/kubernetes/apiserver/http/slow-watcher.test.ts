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

const path = '/api/v1/namespaces/default/configmaps?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';

/** A watch whose reader takes the head of the answer and nothing more unless it is told to. */
async function watch(): Promise<TLSSocket> {
  const { hostname, port } = new URL(live.api.url);
  const socket = connect({ host: hostname, port: Number(port), ca: live.ca, ...live.admin, ALPNProtocols: ['http/1.1'] });
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
  const [slow, quick] = await Promise.all([watch(), watch()]);
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
