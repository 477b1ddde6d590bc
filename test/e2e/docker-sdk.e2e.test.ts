/** dockerode, the client library that Testcontainers and others use: hijacked streams, events, archives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
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
