/** dockerode, the client library that Testcontainers and others use: hijacked streams, events, archives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { WebSocket } from 'ws';
import { DockerMachine } from '../support/docker-machine.ts';

let host: DockerMachine;
let docker: Docker;
const image = 'busybox:test';

before(async () => {
  host = await DockerMachine.create('dsdk', 107);
  docker = new Docker({ socketPath: host.machine.environment['DOCKER_HOST']?.replace('unix://', '') });
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

test('attach with input, both outputs apart, and wait', async () => {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['sh', '-c', 'cat; echo err >&2; exit 3'],
    OpenStdin: true,
    StdinOnce: true,
  });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => [out, err].forEach((side) => side.end()));
  await container.start();
  stream.end('typed');
  assert.deepEqual([await text(out), await text(err)], ['typed', 'err\n']);
  assert.deepEqual(await container.wait(), { StatusCode: 3 });
  await container.remove();
});

test('exec with input', async () => {
  const container = await docker.createContainer({ Image: image, Cmd: ['sleep', '100'] });
  await container.start();
  const exec = await container.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const out = new PassThrough();
  docker.modem.demuxStream(stream, out, out);
  stream.on('end', () => out.end());
  stream.end('over exec');
  assert.equal(await text(out), 'over exec');
  assert.equal((await exec.inspect()).ExitCode, 0);
  await container.remove({ force: true });
});

test('events come as they happen', async () => {
  const stream = await docker.getEvents({ filters: { type: ['container'], event: ['start'] } });
  const container = await docker.createContainer({ Image: image, Cmd: ['true'], HostConfig: { AutoRemove: true } });
  const first = once(stream, 'data') as Promise<[Buffer]>;
  await container.start();
  const event = JSON.parse((await first)[0].toString()) as { Action: string; Actor: { ID: string } };
  assert.deepEqual([event.Action, event.Actor.ID], ['start', container.id]);
  (stream as PassThrough).destroy();
});

test('errors carry status and message', async () => {
  await assert.rejects(docker.getContainer('nix').inspect(), { statusCode: 404, json: { message: 'No such container: nix' } });
  await assert.rejects(docker.createContainer({ Image: 'nix:1' }), { statusCode: 404 });
  await assert.rejects(docker.createNetwork({ Name: 'x', Driver: 'weave' }), { statusCode: 404 });
});

test('the CLI speaks the newest version both know, or the one it is told to', async () => {
  const version = (env: Readonly<Record<string, string>>) =>
    host.machine.run(['docker', 'version', '--format', '{{.Client.APIVersion}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}}'], { env });
  assert.match((await version({})).stdout, /^1\.\d+ 1\.50 1\.24\n$/);
  for (const older of ['1.41', '1.43', '1.44', '1.48']) {
    assert.equal((await version({ DOCKER_API_VERSION: older })).stdout, `${older} 1.50 1.24\n`);
    const run = ['docker', 'run', '--rm', '--tmpfs', '/t', '-v', '/tmp:/b:ro', image, 'echo', older];
    assert.equal((await host.machine.run(run, { env: { DOCKER_API_VERSION: older } })).stdout, `${older}\n`);
  }
  const tooOld = await host.machine.run(['docker', 'ps'], { env: { DOCKER_API_VERSION: '1.23' } });
  assert.match(tooOld.stderr, /client version 1\.23 is too old\. Minimum supported API version is 1\.24/);
  const tooNew = await host.machine.run(['docker', 'ps'], { env: { DOCKER_API_VERSION: '1.99' } });
  assert.match(tooNew.stderr, /client version 1\.99 is too new\. Maximum supported API version is 1\.50/);
});

test('attach by WebSocket, as clients in a browser do', async () => {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['sh', '-c', 'read line; echo "$line"; echo err >&2'],
    OpenStdin: true,
  });
  const path = `/containers/${container.id}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`;
  const client = new WebSocket(`ws+unix:${host.engineSocket}:${path}`);
  const received: Buffer[] = [];
  client.on('message', (data: Buffer) => received.push(data));
  await once(client, 'open');
  await container.start();
  client.send('typed\n');
  await once(client, 'close');
  assert.equal(Buffer.concat(received).toString(), 'typed\nerr\n');
  await container.wait();
  await container.remove();
});

test('what an editor’s extension asks: lists, details, numbers, the log as it grows, a shell', async () => {
  const container = await docker.createContainer({
    Image: image,
    name: 'edited',
    Labels: { a: 'b' },
    Cmd: ['sh', '-c', 'while :; do echo line; sleep 0.1; done'],
  });
  await container.start();
  const [listed] = await docker.listContainers({ all: true, filters: { label: ['a=b'] } });
  assert.deepEqual([listed?.Names, listed?.State, listed?.Image], [['/edited'], 'running', image]);
  assert.equal((await container.inspect()).State.Running, true);
  assert.ok((await container.stats({ stream: false })).cpu_stats.cpu_usage.total_usage > 0);
  const log = (await container.logs({ follow: true, stdout: true, tail: 1 })) as PassThrough;
  assert.match(String(((await once(log, 'data')) as [Buffer])[0]), /line\n/);
  log.destroy();
  const exec = await container.exec({ Cmd: ['sh'], AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: true });
  const shell = await exec.start({ hijack: true, stdin: true, Tty: true });
  await exec.resize({ h: 30, w: 99 });
  shell.write('stty size; exit 5\n');
  assert.match(await text(shell), /30 99/);
  assert.equal((await exec.inspect()).ExitCode, 5);
  assert.ok((await docker.listImages()).some(({ RepoTags }) => RepoTags?.includes(image)));
  assert.ok((await docker.listNetworks()).some(({ Name }) => Name === 'bridge'));
  assert.deepEqual((await docker.listVolumes()).Volumes, []);
  const [info, usage] = [(await docker.info()) as { ContainersRunning: number }, (await docker.df()) as { Containers: readonly unknown[] }];
  assert.deepEqual([info.ContainersRunning, usage.Containers.length], [1, 1]);
  await container.remove({ force: true });
});
