/** Testcontainers for Node, unmodified: containers, networks, every wait strategy, reuse, Compose, and its reaper. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type * as Testcontainers from 'testcontainers';
import { Compose } from '../../support/compose.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { eventually } from '../../support/eventually.ts';
import { debianTar } from '../../support/images.ts';
import { peerProgram } from '../../support/peers.ts';

const number = 131;
const image = 'busybox:test';
let host: DockerMachine;
let library: typeof Testcontainers;

/** Published ports are reached from outside the machine, at its address. */
const settings = { TESTCONTAINERS_HOST_OVERRIDE: `198.18.${number}.2`, TESTCONTAINERS_RYUK_DISABLED: 'true', DOCKER_BUILDKIT: '0' };

before(async () => {
  host = await DockerMachine.create('tcont', number);
  const { DOCKER_HOST, DOCKER_CONFIG = '' } = host.machine.environment;
  const plugins = join(DOCKER_CONFIG, 'cli-plugins');
  mkdirSync(plugins, { recursive: true });
  symlinkSync(peerProgram('docker-compose@sid').path, join(plugins, 'docker-compose'));
  Object.assign(process.env, settings, { DOCKER_HOST, DOCKER_CONFIG });
  library = await import('testcontainers');
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

async function firstChunk(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const chunk of stream) return chunk.toString();
  return '';
}

const page = 'mkdir /www; echo served > /www/index.html; echo about to listen; exec httpd -f -v -p 80 -h /www';
const server = (): Testcontainers.GenericContainer =>
  new library.GenericContainer(image).withCommand(['sh', '-c', page]).withExposedPorts(80);

async function fetched(container: Testcontainers.StartedTestContainer): Promise<string> {
  return (await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/`)).text();
}

test('wait strategies: listening port, log, HTTP, health check, one shot', { timeout: 60_000 }, async () => {
  const { Wait } = library;
  const strategies = [
    Wait.forListeningPorts(),
    Wait.forLogMessage(/about to listen/),
    Wait.forHttp('/', 80).forStatusCode(200),
    Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage('about to listen')]),
  ];
  for (const strategy of strategies) {
    await using container = await server().withWaitStrategy(strategy).start();
    assert.equal(await eventually(() => fetched(container), { withinMs: 2000 }), 'served\n');
  }
  await using healthy = await server()
    .withHealthCheck({ test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/'], interval: 200, retries: 10, timeout: 1000 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.equal(await fetched(healthy), 'served\n');
  await using done = await new library.GenericContainer(image).withCommand(['true']).withWaitStrategy(Wait.forOneShotStartup()).start();
  assert.match(done.getId(), /^[0-9a-f]{64}$/);
  await assert.rejects(
    new library.GenericContainer(image).withCommand(['false']).withWaitStrategy(Wait.forOneShotStartup()).start(),
    /Container failed to start/,
  );
});

test('files, environment, exec, logs, copy, labels, restart, commit', { timeout: 60_000 }, async () => {
  await using container = await new library.GenericContainer(image)
    .withName('named')
    .withEnvironment({ WHO: 'me' })
    .withUser('0:0')
    .withWorkingDir('/tmp')
    .withTmpFs({ '/scratch': 'rw,noexec' })
    .withLabels({ purpose: 'test' })
    .withUlimits({ nofile: { soft: 500, hard: 500 } })
    .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
    .withSharedMemorySize(1 << 20)
    .withPrivilegedMode()
    .withExtraHosts([{ host: 'there', ipAddress: '10.1.1.1' }])
    .withCopyContentToContainer([{ content: 'given', target: '/etc/given', mode: 0o640 }])
    .withCommand(['sh', '-c', 'echo to stdout; echo to stderr >&2; sleep 1000'])
    .withWaitStrategy(library.Wait.forLogMessage('to stderr'))
    .start();
  const { output, exitCode } = await container.exec([
    'sh',
    '-c',
    'echo $WHO; pwd; ulimit -n; cat /etc/given; stat -c " %a" /etc/given; exit 3',
  ]);
  assert.deepEqual([output, exitCode], ['me\n/tmp\n500\ngiven 640\n', 3]);
  assert.equal((await container.exec('id -u', { user: 'nobody', workingDir: '/', env: { A: 'b' } })).output, '65534\n');
  await container.copyContentToContainer([{ content: 'later', target: '/tmp/later' }]);
  const tar = await container.copyArchiveFromContainer('/tmp/later');
  assert.match(await text(tar), /later/);
  assert.match(await firstChunk(await container.logs({ tail: 5 })), /to std/);
  await container.restart();
  const committed = await container.commit({ repo: 'committed', tag: '1' });
  assert.match(committed, /^sha256:/);
  await container.stop({ remove: false });
  await host.docker('rm', '-f', 'named');
  await host.docker('rmi', 'committed:1');
});

test('a network of its own, with aliases', { timeout: 60_000 }, async () => {
  await using network = await new library.Network().start();
  await using one = await server().withNetwork(network).withNetworkAliases('shop').withWaitStrategy(library.Wait.forHttp('/', 80)).start();
  await using two = await new library.GenericContainer(image).withNetwork(network).withCommand(['sleep', '1000']).start();
  assert.equal((await two.exec(['wget', '-q', '-O', '-', 'http://shop/'])).output, 'served\n');
  assert.match(one.getIpAddress(network.getName()), /^\d+\.\d+\.\d+\.\d+$/);
});

test('reuse: the second start finds the first', { timeout: 60_000 }, async () => {
  const reusable = (): Promise<Testcontainers.StartedTestContainer> =>
    server().withReuse().withWaitStrategy(library.Wait.forHttp('/', 80)).start();
  const first = await reusable();
  const second = await reusable();
  assert.equal(second.getId(), first.getId());
  await second.stop();
});

test('an image from a Dockerfile', { timeout: 60_000 }, async () => {
  const built = await library.GenericContainer.fromDockerfile(join(Compose.project, 'app'))
    .withBuildArgs({ WHAT: 'by testcontainers' })
    .build();
  await using container = await built.withExposedPorts(80).withWaitStrategy(library.Wait.forHttp('/', 80)).start();
  assert.equal(await fetched(container), 'built by testcontainers\n');
});

test('a Compose environment', { timeout: 60_000 }, async () => {
  const environment = await new library.DockerComposeEnvironment(Compose.project, 'compose.yaml')
    .withWaitStrategy('web-1', library.Wait.forHealthCheck())
    .withWaitStrategy('init-1', library.Wait.forOneShotStartup())
    .withStartupTimeout(30_000)
    .up();
  assert.equal(await fetched(environment.getContainer('web-1')), 'built composed\n');
  await environment.down({ removeVolumes: true, timeout: 1000 });
  assert.equal(await host.docker('ps', '-aq'), '');
});

test('the reaper takes away what a run left, through the mounted socket', { timeout: 120_000 }, async () => {
  const script = fileURLToPath(new URL('reaper.pl', import.meta.url));
  await host.docker('import', await debianTar(), 'debian:test');
  await host.sh(`mkdir ${host.folder}/reaper && cp ${script} ${host.folder}/reaper/`);
  await host.sh(`printf 'FROM debian:test\\nCOPY reaper.pl /\\nCMD ["perl", "/reaper.pl"]\\n' > ${host.folder}/reaper/Dockerfile`);
  await host.sh(`DOCKER_BUILDKIT=0 docker build -q -t reaper:test ${host.folder}/reaper`);
  const session = fileURLToPath(new URL('session.ts', import.meta.url));
  const env = { RYUK_CONTAINER_IMAGE: 'reaper:test', TESTCONTAINERS_RYUK_DISABLED: 'false', TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1' };
  const said = await host.machine.ok([process.execPath, session], { env });
  const made = JSON.parse(said) as { readonly container: string; readonly network: string };
  const exists = async (id: string): Promise<boolean> => (await host.try('inspect', id)).code === 0;
  await eventually(async () => assert.deepEqual([await exists(made.container), await exists(made.network)], [false, false]), {
    withinMs: 15_000,
  });
  await host.sh('docker ps -aq | xargs -r docker rm -f');
});
