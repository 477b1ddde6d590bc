import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { connect as tcpConnect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { after, before, test } from 'node:test';
import { Gateway } from './gateway.ts';
import type { Path, Routes } from './routes.ts';

const folder = mkdtempSync(join(tmpdir(), 'davit-gw-'));
let gateway: Gateway;

function certificate(name: string): { readonly cert: string; readonly key: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync(
    '/usr/bin/openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

before(async () => {
  gateway = await Gateway.open({ address: '127.0.0.1', httpPort: 0, httpsPort: 0, fallbackCertificate: certificate('fallback') });
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** A pod, and how to end it. */
async function pod(
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly host: string; readonly port: number; readonly server: ReturnType<typeof createServer> }> {
  const server = createServer({ keepAliveTimeout: 0 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const echo: RequestListener = (incoming, response) => {
  let body = '';
  incoming.on('data', (chunk) => (body += String(chunk)));
  incoming.on('end', () =>
    response
      .setHeader('connection', 'keep-alive')
      .end(JSON.stringify({ url: incoming.url, method: incoming.method, headers: incoming.headers, body })),
  );
};

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

function routesTo(...endpoints: readonly Endpoint[]): Routes {
  const paths: readonly Path[] = [
    { path: '/', match: 'prefix', target: { name: 'x', endpoints: endpoints.map(({ host, port }) => ({ host, port })) } },
  ];
  return { hosts: new Map([['shop.example', paths]]), fallback: undefined, certificates: [] };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(
  options: {
    readonly method?: string;
    readonly host?: string;
    readonly body?: string;
    readonly headers?: Record<string, string>;
    readonly agent?: Agent;
  } = {},
): Promise<Answer> {
  const { method = 'GET', host = 'shop.example', body, headers, agent } = options;
  const sent = request({
    host: '127.0.0.1',
    port: gateway.ports.http,
    path: '/path?q=1',
    method,
    headers: { host, ...headers },
    ...(agent && { agent }),
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, text };
}

interface Echoed {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

test('a request arrives whole, with where it came from, and without what was for this hop', async () => {
  await using one = await pod(echo);
  gateway.routes = routesTo(one);
  const { status, text } = await ask({
    method: 'POST',
    body: 'hello',
    headers: { 'x-forwarded-for': '192.0.2.9', te: 'trailers', 'content-length': '5' },
  });
  const seen = JSON.parse(text) as Echoed;
  assert.deepEqual([status, seen.url, seen.method, seen.body], [200, '/path?q=1', 'POST', 'hello']);
  assert.deepEqual([seen.headers['host'], seen.headers['x-forwarded-host']], ['shop.example', 'shop.example']);
  assert.equal(seen.headers['x-forwarded-for'], '192.0.2.9, 127.0.0.1');
  assert.deepEqual([seen.headers['x-forwarded-proto'], seen.headers['x-forwarded-port']], ['http', String(gateway.ports.http)]);
  assert.deepEqual([seen.headers['x-real-ip'], seen.headers['te']], ['127.0.0.1', undefined]);
});

test('no route is 404, no endpoint 503, no pod at the endpoint 502', async () => {
  gateway.routes = routesTo();
  assert.equal((await ask({ host: 'other.example' })).status, 404);
  assert.equal((await ask()).status, 503);
  gateway.routes = routesTo({ host: '127.0.0.1', port: 1 });
  assert.equal((await ask()).status, 502);
});

test('an endpoint that refuses is passed over, also for what has a body', async () => {
  await using one = await pod(echo);
  gateway.routes = routesTo({ host: '127.0.0.1', port: 1 }, one);
  for (let round = 0; round < 4; round += 1) {
    const { status, text } = await ask({ method: 'POST', body: 'hello' });
    assert.deepEqual([status, (JSON.parse(text) as Echoed).body], [200, 'hello']);
  }
});

test('a kept connection that the pod has closed meanwhile fails no request', async () => {
  await using one = await pod(echo);
  gateway.routes = routesTo(one);
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await ask()).status, 200);
    one.server.closeIdleConnections();
  }
});

test('new routes count at once; a request under way and its client’s connection stay', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await using old = await pod((_request, response) => void held.then(() => response.end('old')));
  await using young = await pod((_request, response) => void response.end('young'));
  gateway.routes = routesTo(old);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const asked = once(old.server, 'request');
  const first = ask({ agent });
  await asked;
  gateway.routes = routesTo(young);
  assert.equal((await ask()).text, 'young');
  release();
  assert.equal((await first).text, 'old');
  assert.equal((await ask({ agent })).text, 'young');
  agent.destroy();
});

test('an answer is passed on as it comes, and a client that leaves ends it', async () => {
  await using one = await pod((_request, response) => void response.write('first'));
  gateway.routes = routesTo(one);
  const sent = request({ host: '127.0.0.1', port: gateway.ports.http, headers: { host: 'shop.example' } }).end();
  const [[answer], [, ofPod]] = (await Promise.all([once(sent, 'response'), once(one.server, 'request')])) as unknown as [
    [IncomingMessage],
    [IncomingMessage, NodeJS.EventEmitter],
  ];
  assert.equal(String((await once(answer, 'data'))[0]), 'first');
  const closed = once(ofPod, 'close');
  sent.destroy();
  await closed;
});

test('WebSocket: the handshake and then bytes both ways', async () => {
  const server = createTcpServer((socket) => {
    socket.once('data', (data) => {
      const isHandshake =
        String(data).startsWith('GET /chat HTTP/1.1\r\n') &&
        /upgrade: websocket/i.test(String(data)) &&
        /x-forwarded-for: 127\.0\.0\.1/.test(String(data));
      socket.write(
        isHandshake ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' : 'HTTP/1.1 400 Bad\r\n\r\n',
      );
      socket.on('data', (more) => socket.write(String(more).toUpperCase()));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  gateway.routes = routesTo({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const client = tcpConnect(gateway.ports.http, '127.0.0.1');
  client.write('GET /chat HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 101 /);
  client.write('ping');
  assert.equal(String((await once(client, 'data'))[0]), 'PING');
  client.destroy();
  server.close();
});

async function presented(servername: string): Promise<string> {
  const socket = tlsConnect({ host: '127.0.0.1', port: gateway.ports.https, servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('certificates by server name, exchanged without a restart', async () => {
  await using one = await pod(echo);
  const [shop, other] = [certificate('shop.example'), certificate('new.example')];
  gateway.routes = { ...routesTo(one), certificates: [{ hosts: ['shop.example'], ...shop }] };
  assert.deepEqual([await presented('shop.example'), await presented('unknown.example')], ['shop.example', 'fallback']);
  const open = tlsConnect({ host: '127.0.0.1', port: gateway.ports.https, servername: 'shop.example', rejectUnauthorized: false });
  await once(open, 'secureConnect');
  gateway.routes = { ...routesTo(one), certificates: [{ hosts: ['shop.example'], ...other }] };
  assert.equal(await presented('shop.example'), 'new.example');
  open.write('GET /secure HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n');
  assert.match(String((await once(open, 'data'))[0]), /"x-forwarded-proto":"https"/);
  open.destroy();
});
