import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { KindError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { Pushable } from '../base/pushable.ts';
import type { Attachment } from '../engine/containers/containers.ts';
import type { Engine } from '../engine/engine.ts';
import { eventually } from '../../test/support/eventually.ts';
import { serveDocker } from './serve.ts';

/** An engine with one container, `cat`, that answers what it is told. */
const input: string[] = [];
let waitSignal: AbortSignal | undefined;

function catAttachment(): Attachment {
  const output = new Pushable<{ stream: 'stdout' | 'stderr'; data: Buffer }>();
  return {
    output,
    async write(data) {
      input.push(Buffer.from(data).toString());
      output.push({ stream: 'stdout', data: Buffer.from(data) });
    },
    endInput() {
      output.push({ stream: 'stderr', data: Buffer.from('bye') });
      output.end();
    },
    [Symbol.dispose]: () => output.end(),
  };
}

const cat = { id: 'c'.repeat(64), name: 'cat', spec: { image: 'busybox', openStdin: true, stdinOnce: true } };
const exec = {
  id: 'e1',
  containerId: cat.id,
  spec: { command: ['cat'], openStdin: true },
  pid: undefined,
  isRunning: false,
  exitCode: undefined,
};

/** How often the last reader has got on, and whether it was let go. */
const saving = { pieces: 0, isOver: false };
const saved = { pieceBytes: 300_000, pieces: 40 };

/** An archive in one piece of memory, filled again for each piece. */
async function* overAndOver(): AsyncGenerator<Uint8Array> {
  const memory = Buffer.alloc(saved.pieceBytes);
  Object.assign(saving, { pieces: 0, isOver: false });
  try {
    for (; saving.pieces < saved.pieces; saving.pieces += 1) yield memory.fill(saving.pieces);
  } finally {
    memory.fill(255);
    saving.isOver = true;
  }
}

const engine = {
  containers: {
    async get(reference: string) {
      if (reference === 'cat' || reference === cat.id) return cat;
      throw new KindError('notFound', `No such container: ${reference}`);
    },
    start: async (reference: string) => reference === 'stopped',
    attach: async () => catAttachment(),
    wait: (_: string, __: string, signal: AbortSignal) => {
      waitSignal = signal;
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new KindError('canceled', 'gone')), { once: true }),
      );
    },
    async *logs() {
      yield { stream: 'stdout', time: '2026-01-01T00:00:00.000000001Z', data: Buffer.from('hello\n') };
      yield { stream: 'stderr', time: '2026-01-01T00:00:00.000000002Z', data: Buffer.from('oh\n') };
    },
  },
  execs: {
    get: async () => exec,
    start: async () => catAttachment(),
    wait: async () => 0,
  },
  images: { save: async () => overAndOver() },
  builder: {
    async *build() {
      yield { stream: 'Step 1/1 : RUN false\n' };
      throw new KindError('invalid', "The command '/bin/sh -c false' returned a non-zero code: 3", { details: { exitCode: 3 } });
    },
  },
} as unknown as Engine;

let folder = '';
let socketPath = '';
let server: AsyncDisposable;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-docker-'));
  socketPath = join(folder, 'docker.sock');
  server = await serveDocker({ engine, sockets: [{ path: socketPath }], log: silentLog, version: '0.0.0-test' });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Raw bytes of a connection until the server ends it. */
function raw(send: string, then: (socket: Socket, received: () => string) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      then(socket, () => Buffer.concat(chunks).toString('latin1'));
    });
    socket.on('end', () => {
      socket.end();
      resolve(Buffer.concat(chunks));
    });
    socket.on('error', reject);
    socket.write(send);
  });
}

test('the socket is for its owner and group', async () => {
  assert.equal((await stat(socketPath)).mode & 0o777, 0o660);
});

test('ping names the version and the classic builder', async () => {
  const { status, headers, body } = await ask('GET', '/_ping');
  assert.deepEqual(
    [status, body, headers['api-version'], headers['builder-version'], headers['ostype']],
    [200, 'OK', '1.50', '1', 'linux'],
  );
  assert.equal((await ask('HEAD', '/v1.24/_ping')).body, '');
});

test('versions outside the range are refused in dockerd’s words', async () => {
  const tooNew = await ask('GET', '/v1.99/_ping');
  assert.equal(tooNew.status, 400);
  assert.match(tooNew.body, /client version 1\.99 is too new\. Maximum supported API version is 1\.50/);
  assert.match((await ask('GET', '/v1.12/_ping')).body, /client version 1\.12 is too old/);
});

const refusals: readonly (readonly [method: string, path: string, status: number, message: RegExp, body?: string])[] = [
  ['GET', '/nonsense', 404, /^page not found$/],
  ['GET', '/containers/nix/json', 404, /^No such container: nix$/],
  ['POST', '/containers/create', 400, /^invalid JSON: got EOF while reading request body$/],
  ['POST', '/containers/create', 400, /^invalid JSON: /, '{'],
  [
    'POST',
    '/containers/create',
    400,
    /cannot unmarshal string into Go struct field HostConfig\.Memory of type int64/,
    '{"HostConfig":{"Memory":"1g"}}',
  ],
  ['POST', '/containers/create?name=a/b', 400, /^Invalid container name \(a\/b\)/, '{"Image":"busybox"}'],
  ['POST', '/containers/cat/wait?condition=never', 400, /invalid condition: "never"/],
  ['POST', '/build?version=2', 501, /BuildKit is not supported/],
  ['POST', '/images/create?fromSrc=http://x/y.tar', 501, /not supported/],
  ['GET', '/services', 503, /^This node is not a swarm manager\./],
  ['GET', '/containers/cat/logs', 400, /you must choose at least one stream/],
  ['POST', '/session', 501, /BuildKit/],
];

for (const [method, path, status, message, body] of refusals) {
  test(`${method} ${path} ${body ?? ''} is refused with ${status}`, async () => {
    const answer = await ask(method, path, body);
    assert.equal(answer.status, status);
    assert.match((JSON.parse(answer.body) as { message: string }).message, message);
  });
}

test('starting what runs is not modified', async () => {
  assert.equal((await ask('POST', '/containers/stopped/start')).status, 204);
  assert.equal((await ask('POST', '/containers/running/start')).status, 304);
});

test('logs come framed, with times when asked', async () => {
  const { body, headers } = await ask('GET', '/v1.43/containers/cat/logs?stdout=1&stderr=1');
  assert.equal(headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  assert.equal(body, '\u0001\0\0\0\0\0\0\u0006hello\n\u0002\0\0\0\0\0\0\u0003oh\n');
  assert.match((await ask('GET', '/containers/cat/logs?stdout=1&timestamps=1')).body, /2026-01-01T00:00:00\.000000001Z hello/);
});

test('a failure in the middle of a build is the last line, with the exit code', async () => {
  const { status, body } = await ask('POST', '/build?t=x', 'tar');
  const lines = body.trim().split('\r\n');
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { stream: 'Step 1/1 : RUN false\n' });
  const message = "The command '/bin/sh -c false' returned a non-zero code: 3";
  assert.deepEqual(JSON.parse(lines[1] ?? ''), { errorDetail: { code: 3, message }, error: message });
});

test('attach upgrades, carries input raw and output framed, and survives the client’s half-close', async () => {
  let isSent = false;
  const received = await raw(
    'POST /v1.41/containers/cat/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    (socket) => {
      if (isSent) return;
      isSent = true;
      socket.end('ping');
    },
  );
  const [head = '', ...rest] = received.toString('latin1').split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\nContent-Type: application\/vnd\.docker\.raw-stream/);
  assert.equal(rest.join(''), '\u0001\0\0\0\0\0\0\u0004ping\u0002\0\0\0\0\0\0\u0003bye');
});

test('exec start reads its body before the upgrade and leaves what follows to the process', async () => {
  input.length = 0;
  const body = '{"Detach":false,"Tty":false}';
  const received = await raw(
    `POST /v1.45/exec/e1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: ${body.length}\r\n\r\n${body}early`,
    (socket, all) => {
      if (all().includes('early')) socket.end();
    },
  );
  assert.deepEqual(input, ['early']);
  assert.match(received.toString('latin1'), /multiplexed-stream[^]*early[^]*bye$/);
});

test('an upgrade that is refused gets an ordinary error', async () => {
  const received = await raw(
    'POST /containers/nix/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    () => undefined,
  );
  assert.match(received.toString(), /^HTTP\/1\.1 404 Not Found\r\n[^]*\{"message":"No such container: nix"\}/);
});

test('attach by WebSocket: both outputs raw in binary messages, input as it is typed', async () => {
  const client = new WebSocket(`ws+unix:${socketPath}:/v1.42/containers/cat/attach/ws?stream=1&stdin=1&stdout=1`);
  const message = async (): Promise<string> => String(((await once(client, 'message')) as [Buffer])[0]);
  await once(client, 'open');
  const first = message();
  client.send('typed');
  assert.equal(await first, 'typed');
  const closed = once(client, 'close');
  client.close();
  await closed;
  // Before API 1.42 whatever was asked for.
  const old = new WebSocket(`ws+unix:${socketPath}:/v1.41/containers/cat/attach/ws?stream=1`);
  await once(old, 'open');
  const echo = once(old, 'message');
  old.send(Buffer.from('typed again'));
  assert.deepEqual(await echo, [Buffer.from('typed again'), true]);
  old.terminate();
});

test('attach by WebSocket without one, or to nobody, is an ordinary error', async () => {
  const plain = await ask('GET', '/containers/cat/attach/ws?stream=1');
  assert.deepEqual([plain.status, JSON.parse(plain.body)], [400, { message: 'bad parameter: want an upgrade to a WebSocket' }]);
  const client = new WebSocket(`ws+unix:${socketPath}:/containers/nobody/attach/ws?stream=1`);
  const [error] = (await once(client, 'error')) as [Error];
  assert.match(error.message, /Unexpected server response: 404/);
});

test('without an upgrade the body is the input', async () => {
  const { status, body } = await ask('POST', '/containers/cat/attach?stream=1&stdin=1&stdout=1', 'hi');
  assert.deepEqual([status, body], [200, '\u0001\0\0\0\0\0\0\u0002hi']);
});

test('a client that goes away aborts its work', async () => {
  const socket = connect(socketPath);
  socket.write('POST /containers/cat/wait HTTP/1.1\r\nHost: d\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  assert.equal(waitSignal?.aborted, false);
  const aborted = new Promise((resolve) => waitSignal?.addEventListener('abort', resolve));
  socket.destroy();
  await aborted;
});

test('a second socket is served as well; one on which somebody answers is left to them', async () => {
  const folderOfTwo = await mkdtemp(join(tmpdir(), 'davit-two-'));
  const paths = [join(folderOfTwo, 'a.sock'), join(folderOfTwo, 'b.sock')];
  const options = { engine: {} as Engine, sockets: paths.map((path) => ({ path })), log: silentLog, version: '0' };
  await using _both = await serveDocker(options);
  for (const path of paths) {
    const status = await new Promise((resolve) =>
      request({ socketPath: path, path: '/_ping' }, ({ statusCode }) => resolve(statusCode)).end(),
    );
    assert.equal(status, 200);
  }
  await assert.rejects(serveDocker({ ...options, sockets: [{ path: paths[1] ?? '' }] }), { kind: 'conflict' });
  await rm(folderOfTwo, { recursive: true });
});

test('an archive whose pieces share their memory arrives whole at a slow reader', async () => {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ createConnection: () => socket, path: '/images/get?names=a' }, resolve)
      .on('error', reject)
      .end();
  });
  let received = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (byte !== Math.floor(received / saved.pieceBytes)) assert.fail(`byte ${received} is of piece ${byte}`);
      received += 1;
    }
  }
  assert.equal(received, saved.pieceBytes * saved.pieces);
});

test('a reader that goes away in the middle lets the archive go', async () => {
  const socket = connect(socketPath);
  socket.write('GET /images/get?names=a HTTP/1.1\r\nHost: docker\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  await eventually(async () => assert.ok(saving.isOver), { withinMs: 5000 });
  assert.ok(saving.pieces < saved.pieces);
});
