/** Requests to calls of the engine, and its answers to bodies: one row per endpoint and option that matters. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { recordingEngine, type RecordedCall } from './recording-engine.fake.ts';
import { imageId, sampleId } from './samples.fake.ts';
import { serveDocker } from './serve.ts';

const calls: RecordedCall[] = [];
let folder = '';
let socketPath = '';
let server: AsyncDisposable;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-routes-'));
  socketPath = join(folder, 'docker.sock');
  server = await serveDocker({ engine: recordingEngine(calls), sockets: [{ path: socketPath }], log: silentLog, version: '0.0.0-test' });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function ask(
  line: string,
  body?: string,
): Promise<{ readonly status: number; readonly body: string; readonly headers: NodeJS.Dict<string | string[]> }> {
  const [method, path] = line.split(' ');
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer, headers: response.headers }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const filters = (value: object): string => encodeURIComponent(JSON.stringify(value));

/** [request, body, status, the call that matters, its arguments] */
const acts: readonly (readonly [line: string, body: string | undefined, status: number, call: string, args: readonly unknown[]])[] = [
  ['POST /containers/web/start', undefined, 204, 'containers.start', ['web']],
  ['POST /containers/web/stop?t=3&signal=SIGINT', undefined, 204, 'containers.stop', ['web', { timeoutSeconds: 3, signal: 'SIGINT' }]],
  ['POST /containers/web/stop', undefined, 204, 'containers.stop', ['web', { timeoutSeconds: undefined, signal: undefined }]],
  ['POST /containers/web/restart?t=0', undefined, 204, 'containers.restart', ['web', { timeoutSeconds: 0, signal: undefined }]],
  ['POST /containers/web/restart?t=0&signal=INT', undefined, 204, 'containers.restart', ['web', { timeoutSeconds: 0, signal: 'INT' }]],
  [
    'POST /v1.41/containers/web/stop?signal=INT',
    undefined,
    204,
    'containers.stop',
    ['web', { timeoutSeconds: undefined, signal: undefined }],
  ],
  ['POST /containers/web/kill', undefined, 204, 'containers.kill', ['web', 'SIGKILL']],
  ['POST /containers/web/kill?signal=9', undefined, 204, 'containers.kill', ['web', '9']],
  ['POST /containers/web/pause', undefined, 204, 'containers.pause', ['web']],
  ['POST /containers/web/unpause', undefined, 204, 'containers.unpause', ['web']],
  ['POST /containers/web/resize?h=24&w=80', undefined, 200, 'containers.resize', ['web', { width: 80, height: 24 }]],
  ['POST /containers/web/rename?name=/next', undefined, 204, 'containers.rename', ['web', 'next']],
  ['DELETE /containers/web?force=1&v=true', undefined, 204, 'containers.remove', ['web', { force: true, volumes: true }]],
  ['DELETE /containers/web?force=false', undefined, 204, 'containers.remove', ['web', { force: false, volumes: false }]],
  ['POST /exec/e1/resize?h=1&w=2', undefined, 200, 'execs.resize', ['e1', { width: 2, height: 1 }]],
  ['POST /exec/e1/start', '{"Detach":true}', 200, 'execs.start', ['e1', { detach: true, size: undefined }]],
  [
    'POST /exec/e1/start',
    '{"Detach":true,"ConsoleSize":[24,80]}',
    200,
    'execs.start',
    ['e1', { detach: true, size: { width: 80, height: 24 } }],
  ],
  ['POST /images/nginx:1.27/tag?repo=localhost:5000/n&tag=v1', undefined, 201, 'images.tag', ['nginx:1.27', 'localhost:5000/n:v1']],
  ['POST /images/team/app/tag?repo=x', undefined, 201, 'images.tag', ['team/app', 'x']],
  ['DELETE /networks/own', undefined, 204, 'networks.remove', ['own']],
  ['DELETE /volumes/vol?force=1', undefined, 204, 'volumes.remove', ['vol', { force: true }]],
  ['PUT /containers/web/archive?path=%2Fsrv&noOverwriteDirNonDir=1', 'tar', 200, 'containers.writeArchive', ['web', '/srv']],
  [
    'POST /networks/own/disconnect',
    '{"Container":"web","Force":true}',
    200,
    'networks.disconnect',
    ['f'.repeat(64), sampleId, { force: true }],
  ],
  [
    'POST /networks/own/connect',
    '{"Container":"web","EndpointConfig":{"Aliases":["db"],"IPAMConfig":{"IPv4Address":"10.0.0.9"}}}',
    200,
    'networks.connect',
    [
      'f'.repeat(64),
      sampleId,
      {
        aliases: ['db'],
        ipv4: '10.0.0.9',
        ipv6: undefined,
        mac: undefined,
        links: undefined,
        driverOptions: undefined,
        gatewayPriority: undefined,
      },
    ],
  ],
];

for (const [line, body, status, name, args] of acts) {
  test(`${line} ${body ?? ''}`, async () => {
    calls.length = 0;
    const answer = await ask(line, body);
    assert.deepEqual([answer.status, answer.body], [status, '']);
    const call = calls.find((one) => one.name === name);
    assert.ok(call, `${name} in ${calls.map((one) => one.name).join(' ')}`);
    assert.deepEqual(call.args.slice(0, args.length), args);
  });
}

/** [request, body, status, fields of the answer] */
const answers: readonly (readonly [line: string, body: string | undefined, status: number, fields: object])[] = [
  ['POST /containers/create?name=web', '{"Image":"nginx"}', 201, { Id: sampleId, Warnings: [] }],
  ['GET /containers/web/json?size=1', undefined, 200, { Id: sampleId, Name: '/web', SizeRw: 1, SizeRootFs: 2 }],
  ['GET /containers/web/top', undefined, 200, { Titles: ['PID'], Processes: [['1']] }],
  ['GET /containers/web/stats?stream=0&one-shot=1', undefined, 200, { id: sampleId, name: '/web', num_procs: 0 }],
  ['POST /containers/web/wait', undefined, 200, { StatusCode: 3 }],
  ['POST /containers/web/update', '{"Memory":67108864}', 200, { Warnings: null }],
  ['POST /containers/prune', undefined, 200, { ContainersDeleted: [sampleId], SpaceReclaimed: 7 }],
  ['POST /containers/web/exec', '{"Cmd":["ls"]}', 201, { Id: 'e1' }],
  ['GET /exec/e1/json', undefined, 200, { ID: 'e1', Running: true, ExitCode: null, Pid: 5, ContainerID: sampleId }],
  ['POST /commit?container=web&repo=r&tag=t', 'null', 201, { Id: 'sha256:new' }],
  ['GET /images/nginx/json', undefined, 200, { Id: imageId, RepoTags: ['nginx:1.27'], Os: 'linux' }],
  ['GET /images/registry.example/team/app:1/json', undefined, 200, { Id: imageId }],
  ['POST /images/prune', undefined, 200, { ImagesDeleted: [{ Deleted: imageId }], SpaceReclaimed: 1234 }],
  ['POST /build/prune', undefined, 200, { SpaceReclaimed: 11 }],
  ['POST /networks/create', '{"Name":"own"}', 201, { Warning: '' }],
  ['GET /networks/own', undefined, 200, { Name: 'bridge', Driver: 'bridge' }],
  ['POST /networks/prune', undefined, 200, { NetworksDeleted: ['own'] }],
  ['POST /volumes/create', '{"Name":"vol"}', 201, { Name: 'vol', Driver: 'local', Scope: 'local' }],
  ['GET /volumes/vol', undefined, 200, { Name: 'vol', Options: null }],
  ['POST /volumes/prune', undefined, 200, { VolumesDeleted: ['unused'], SpaceReclaimed: 3 }],
  ['GET /version', undefined, 200, { ApiVersion: '1.50', MinAPIVersion: '1.24', Os: 'linux' }],
  ['GET /info', undefined, 200, { Containers: 1, ContainersRunning: 1, Images: 1, Driver: 'overlay2', Name: 'h' }],
  ['GET /system/df', undefined, 200, { LayersSize: 1234, BuildCache: [] }],
];

for (const [line, body, status, fields] of answers) {
  test(`${line} answers`, async () => {
    const answer = await ask(line, body);
    assert.equal(answer.status, status, answer.body);
    const got = JSON.parse(answer.body) as Record<string, unknown>;
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(got[name], value, name);
  });
}

/** [request, how one row is told, rows] */
const lists: readonly (readonly [line: string, key: string, rows: readonly unknown[]])[] = [
  ['GET /containers/json', 'Names', [['/web']]],
  [`GET /containers/json?filters=${filters({ name: ['other'] })}`, 'Names', []],
  ['GET /images/json', 'RepoTags', [['nginx:1.27']]],
  ['GET /images/nginx/history', 'CreatedBy', ['RUN x']],
  ['GET /containers/web/changes', 'Kind', [1]],
  ['GET /networks', 'Name', ['bridge', 'own']],
  [`GET /networks?filters=${filters({ type: ['custom'] })}`, 'Name', ['own']],
  [`GET /networks?filters=${filters({ driver: ['overlay'] })}`, 'Name', []],
  ['DELETE /images/nginx', 'Untagged', ['nginx:1.27', undefined]],
  ['GET /plugins', 'Name', []],
];

for (const [line, key, rows] of lists) {
  test(`${line} lists`, async () => {
    const answer = JSON.parse((await ask(line)).body) as Record<string, unknown>[];
    assert.deepEqual(
      answer.map((row) => row[key]),
      rows,
    );
  });
}

test('volumes that nothing uses', async () => {
  const names = async (dangling: string): Promise<readonly string[]> => {
    const { body } = await ask(`GET /volumes?filters=${filters({ dangling: [dangling] })}`);
    return (JSON.parse(body) as { Volumes: { Name: string }[] }).Volumes.map((volume) => volume.Name);
  };
  assert.deepEqual([await names('true'), await names('false')], [['unused'], ['vol']]);
});

test('before API 1.42 pruning takes named volumes too', async () => {
  calls.length = 0;
  await ask('POST /v1.41/volumes/prune');
  await ask('POST /v1.42/volumes/prune');
  await ask(`POST /v1.42/volumes/prune?filters=${filters({ all: ['true'] })}`);
  assert.deepEqual(
    calls.filter(({ name }) => name === 'volumes.prune').map((call) => call.args),
    [[{ all: true }], [{ all: false }], [{ all: true }]],
  );
});

test('streams of lines: pull, load, build, events', async () => {
  const lines = async (line: string, body?: string): Promise<readonly unknown[]> =>
    (await ask(line, body)).body
      .trim()
      .split(/\r?\n/)
      .map((row) => JSON.parse(row) as unknown);
  assert.deepEqual(await lines('POST /images/create?fromImage=nginx&tag=1'), [
    {
      id: 'layer',
      status: 'Downloading',
      progressDetail: { current: 1, total: 2 },
      progress: `[${'='.repeat(25)}>${' '.repeat(24)}]  1B/2B`,
    },
    { status: 'Done', progressDetail: {} },
  ]);
  assert.deepEqual(await lines('POST /images/load', 'tar'), [{ stream: 'Loaded image: a:1\n' }]);
  assert.deepEqual(await lines('POST /images/create?fromSrc=-&repo=a', 'tar'), [{ status: imageId }]);
  assert.deepEqual(await lines('POST /build', 'tar'), [{ stream: 'Step 1/1 : FROM x\n' }, { aux: { ID: imageId } }]);
  assert.deepEqual(await lines('POST /build?q=1', 'tar'), [{ stream: `${imageId}\n` }]);
  const [event] = (await lines('GET /events?until=1700000000')) as { Action: string }[];
  assert.equal(event?.Action, 'start');
});

test('a digest is told from a tag, credentials reach the registry', async () => {
  calls.length = 0;
  await ask('POST /images/create?fromImage=nginx&tag=sha256:abc');
  await ask('POST /images/create?fromImage=nginx');
  assert.deepEqual(
    calls.map((call) => call.args[0]),
    ['nginx@sha256:abc', 'nginx'],
  );
});

test('files in and out carry their facts in a header', async () => {
  const { headers, body } = await ask('GET /containers/web/archive?path=/file');
  assert.equal(body, 'tar');
  const stat = JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString()) as object;
  assert.deepEqual(stat, { name: 'file', size: 3, mode: 0o644, mtime: '2026-01-02T03:04:05.678Z', linkTarget: '' });
  assert.equal((await ask('HEAD /containers/web/archive?path=/file')).status, 200);
  assert.equal((await ask('GET /containers/web/archive')).status, 400);
  assert.equal((await ask('GET /containers/web/export')).body, 'tar');
  assert.equal((await ask('GET /images/get?names=a&names=b')).body, 'tar');
});
