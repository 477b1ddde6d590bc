import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { configMaps, pods } from '../../api/kubernetes/kinds.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../daemon/pki.ts';
import type { Client } from './client.ts';
import { httpClient } from './http-client.ts';

interface Exchange {
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
  readonly body: string;
}

interface ScriptedServer extends AsyncDisposable {
  readonly client: Client;
  readonly requests: string[];
  dropConnections(): void;
}

const authority: Promise<KeyPair> = createAuthority('test');
const json = { ':status': 200, 'content-type': 'application/json' };

/** A server that answers by a script, and a client of it with a certificate. */
async function scripted(answer: (exchange: Exchange) => void): Promise<ScriptedServer> {
  const ca = await authority;
  const own = await issueCertificate(ca, { commonName: 'server', hosts: ['127.0.0.1'] });
  const sockets = new Set<TLSSocket>();
  const requests: string[] = [];
  const server: Http2SecureServer = createSecureServer({ ...own, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
  server.on('secureConnection', (socket: TLSSocket) => sockets.add(socket));
  server.on('stream', async (stream, headers) => {
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    requests.push(`${headers[':method']} ${headers[':path']}`);
    answer({ headers, stream, body });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address);
  const user = await issueCertificate(ca, { commonName: 'system:node:a', organization: 'system:nodes' });
  const client = httpClient({ server: `https://127.0.0.1:${address.port}`, ca: ca.cert, ...user });
  return {
    client,
    requests,
    dropConnections: () => sockets.forEach((socket) => socket.destroy()),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      server.close();
      await once(server, 'close');
    },
  };
}

test('requests are the ones that the API expects', async () => {
  const seen: Exchange[] = [];
  await using server = await scripted((exchange) => {
    seen.push(exchange);
    exchange.stream.respond(json);
    exchange.stream.end(JSON.stringify({ metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'a' } }] }));
  });
  const { client } = server;
  const key = { namespace: 'default', name: 'a' };
  const list = await client.list(configMaps, { namespace: 'default', labelSelector: 'app=web,tier!=db' });
  assert.deepEqual(list, { resourceVersion: '7', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }] });
  await client.patch(pods, key, { type: 'merge', body: { status: {} } }, 'status');
  await client.patch(pods, key, { type: 'apply', body: {}, fieldManager: 'davit', force: true });
  await client.delete(pods, key, { gracePeriodSeconds: 0, uid: 'u1' });
  await client.bind(key, 'node-a');
  assert.deepEqual(server.requests, [
    'GET /api/v1/namespaces/default/configmaps?labelSelector=app%3Dweb%2Ctier%21%3Ddb',
    'PATCH /api/v1/namespaces/default/pods/a/status',
    'PATCH /api/v1/namespaces/default/pods/a?fieldManager=davit&force=true',
    'DELETE /api/v1/namespaces/default/pods/a',
    'POST /api/v1/namespaces/default/pods/a/binding',
  ]);
  assert.equal(seen[1]?.headers['content-type'], 'application/merge-patch+json');
  assert.deepEqual(JSON.parse(seen[3]?.body ?? ''), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'u1' },
  });
});

test('a Status becomes an error of its kind', async () => {
  const answers = [
    [404, 'NotFound', 'notFound'],
    [409, 'AlreadyExists', 'alreadyExists'],
    [409, 'Conflict', 'conflict'],
    [410, 'Expired', 'expired'],
    [422, 'Invalid', 'invalid'],
    [403, 'Forbidden', 'forbidden'],
    [429, 'TooManyRequests', 'tooMany'],
    [503, '', 'unavailable'],
  ] as const;
  const queue = [...answers];
  await using server = await scripted(({ stream }) => {
    const [code, reason] = queue.shift() ?? [500, ''];
    stream.respond({ ':status': code });
    stream.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', code, reason, message: `because ${reason}` }));
  });
  for (const [code, reason, kind] of answers) {
    await assert.rejects(
      server.client.get(pods, { namespace: 'default', name: 'a' }),
      { kind, message: `because ${reason}` },
      String(code),
    );
  }
});

test('a watch is cut into lines wherever the network cuts it', async () => {
  const event = (name: string): string => JSON.stringify({ type: 'ADDED', object: { metadata: { name, resourceVersion: '1' } } });
  await using server = await scripted(({ stream }) => {
    stream.respond(json);
    const text = Buffer.from(`${event('ä')}\n${event('b')}\n`);
    const middle = text.indexOf(0xc3) + 1;
    stream.write(text.subarray(0, middle), () => stream.write(text.subarray(middle)));
  });
  const stop = new AbortController();
  const names: (string | undefined)[] = [];
  for await (const { type, object } of server.client.watch(configMaps, { resourceVersion: '1' }, stop.signal)) {
    assert.equal(type, 'ADDED');
    if (type === 'ADDED') names.push(object.metadata.name);
    if (names.length === 2) stop.abort();
  }
  assert.deepEqual(names, ['ä', 'b']);
  assert.deepEqual(server.requests, ['GET /api/v1/configmaps?watch=1&resourceVersion=1&allowWatchBookmarks=true']);
});

test('an error inside a watch is thrown; a lost connection is `unavailable`, and the next request makes a new one', async () => {
  let isBroken = false;
  await using server = await scripted(({ stream }) => {
    stream.respond(json);
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (9)' };
    if (!isBroken) return void stream.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    stream.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } })}\n`);
  });
  const signal = new AbortController().signal;
  const watch = (): AsyncIterator<unknown> => server.client.watch(configMaps, { resourceVersion: '1' }, signal)[Symbol.asyncIterator]();
  await assert.rejects(Promise.resolve(watch().next()), { kind: 'expired', message: 'too old resource version: 1 (9)' });
  isBroken = true;
  const broken = watch();
  await broken.next();
  server.dropConnections();
  await assert.rejects(Promise.resolve(broken.next()), { kind: 'unavailable' });
  await watch().next();
});

test('a watch that the server never answers still ends with its signal', async () => {
  const asked = Promise.withResolvers<void>();
  await using server = await scripted(() => asked.resolve());
  const stop = new AbortController();
  const first = server.client.watch(configMaps, { resourceVersion: '1' }, stop.signal)[Symbol.asyncIterator]().next();
  await asked.promise;
  stop.abort();
  assert.deepEqual(await first, { done: true, value: undefined });
});

test('nobody there is `unavailable`', async () => {
  const ca = await authority;
  const user = await issueCertificate(ca, { commonName: 'a' });
  await using client = httpClient({ server: 'https://127.0.0.1:1', ca: ca.cert, ...user });
  await assert.rejects(client.get(pods, { namespace: 'default', name: 'a' }), { kind: 'unavailable', message: /127\.0\.0\.1:1/ });
});
