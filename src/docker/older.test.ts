/** What clients of each API version see of one and the same engine. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { apiVersion, minApiVersion, minorOf } from '../api/docker/version.ts';
import { silentLog } from '../base/log.ts';
import { recordingEngine } from './recording-engine.fake.ts';
import { serveDocker } from './serve.ts';

let folder = '';
let socketPath = '';
let server: AsyncDisposable;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-older-'));
  socketPath = join(folder, 'docker.sock');
  server = await serveDocker({ engine: recordingEngine([]), sockets: [{ path: socketPath }], log: silentLog, version: '0.0.0-test' });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function ask(
  method: string,
  path: string,
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof ask>>>();
  const outgoing = request({ socketPath, method, path, agent: false }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }), reject);
  });
  outgoing.on('error', reject);
  outgoing.end();
  return promise;
}

type Answer = Readonly<Record<string, unknown>>;

async function fields(minor: number, path: string): Promise<Answer> {
  const { status, body } = await ask('GET', `/v1.${minor}${path}`);
  assert.equal(status, 200, body);
  const answer = JSON.parse(body) as Answer | readonly Answer[];
  return (Array.isArray(answer) ? answer[0] : answer) as Answer;
}

/** [path, field, the versions that have it] */
const versioned: readonly (readonly [path: string, field: string, from: number, to: number])[] = [
  ['/system/df', 'BuilderSize', 24, 41],
  ['/images/json', 'VirtualSize', 24, 43],
  ['/images/nginx/json', 'VirtualSize', 24, 43],
  ['/images/nginx/json', 'Container', 24, 44],
  ['/images/nginx/json', 'ContainerConfig', 24, 44],
  ['/images/nginx/json', 'Config.Hostname', 24, 49],
  ['/images/nginx/json', 'Config.StdinOnce', 24, 49],
  ['/info', 'CDISpecDirs', 44, 50],
  ['/info', 'BridgeNfIptables', 24, 49],
  ['/info', 'RegistryConfig.AllowNondistributableArtifactsCIDRs', 24, 48],
];

for (const [path, field, from, to] of versioned) {
  test(`GET ${path} has ${field} from API 1.${from} to 1.${to}`, async () => {
    const versions = [minorOf(minApiVersion), 41, 42, 43, 44, 45, 46, 47, 48, 49, minorOf(apiVersion)];
    const having = await Promise.all(versions.map(async (minor) => [minor, holds(await fields(minor, path), field.split('.'))] as const));
    assert.deepEqual(
      having,
      versions.map((minor) => [minor, minor >= from && minor <= to]),
    );
  });
}

function holds(answer: unknown, [name = '', ...rest]: readonly string[]): boolean {
  if (typeof answer !== 'object' || answer === null || !(name in answer)) return false;
  return rest.length === 0 || holds((answer as Answer)[name], rest);
}

test('every answer says who speaks and which API, errors included', async () => {
  for (const path of ['/_ping', '/v1.41/version', '/nowhere', '/v1.23/info', '/v1.99/info']) {
    const { headers } = await ask('GET', path);
    assert.deepEqual(
      [headers['api-version'], headers['ostype'], headers['docker-experimental'], headers['server']],
      [apiVersion, 'linux', 'false', 'davit/0.0.0-test (linux)'],
      path,
    );
  }
});

test('ping by HEAD has the headers of GET and no body, with a version in the path or without', async () => {
  for (const path of ['/_ping', `/v${apiVersion}/_ping`, `/v${minApiVersion}/_ping`]) {
    const [get, head] = [await ask('GET', path), await ask('HEAD', path)];
    assert.deepEqual([get.status, get.body, head.status, head.body, head.headers['content-length']], [200, 'OK', 200, '', '0']);
    for (const name of ['api-version', 'builder-version', 'swarm', 'cache-control', 'pragma', 'content-type'])
      assert.equal(head.headers[name], get.headers[name], name);
  }
});

test('without a version it is the newest', async () => {
  assert.deepEqual(await fields(minorOf(apiVersion), '/images/nginx/json'), JSON.parse((await ask('GET', '/images/nginx/json')).body));
});

test('an image is shown for its own platform only', async () => {
  const platform = (architecture: string) => encodeURIComponent(JSON.stringify({ os: 'linux', architecture }));
  assert.equal((await ask('GET', `/images/nginx/json?platform=${platform('amd64')}`)).status, 200);
  const other = await ask('GET', `/images/nginx/json?platform=${platform('riscv64')}`);
  assert.deepEqual(
    [other.status, JSON.parse(other.body)],
    [404, { message: 'image with reference nginx was found but does not provide the specified platform (linux/riscv64)' }],
  );
});
