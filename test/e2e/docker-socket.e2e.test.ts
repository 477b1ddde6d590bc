/** `davit up --docker-socket=/var/run/docker.sock`: clients that look nowhere else, on a machine with a /run of its own. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDockerd } from '../../bench/dockerd.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine, type Result } from '../support/machine.ts';
import { hasPeer, peerProgram } from '../support/peers.ts';

const program = fileURLToPath(new URL('../../bin/davit', import.meta.url));
const packages = fileURLToPath(new URL('../../package.json', import.meta.url));
const socket = '/var/run/docker.sock';
const placed = ['--cgroup-parent', '/davit-dsock', '--node-name', 'node-1'];
let machine: Machine;
let holder: ChildProcess;

before(async () => {
  machine = await Machine.create('dsock', 109);
  await machine.ok(['true']);
  const group = join(machine.folder, 'group');
  await writeFile(group, `${(await readFile('/etc/group', 'utf8')).replace(/^docker:.*\n/m, '')}docker:x:4242:\n`);
  const script = `mount -t tmpfs tmpfs /run && mkdir -p /run/lock && mount --bind ${group} /etc/group && echo ready && exec sleep 10000`;
  holder = machine.start(['unshare', '--mount', 'sh', '-c', script]);
  assert.ok(holder.stdout);
  assert.equal(String((await once(holder.stdout, 'data'))[0]), 'ready\n');
});

after(async () => {
  await davit('down', '--purge');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await machine[Symbol.asyncDispose]();
});

/** Inside, and without DOCKER_HOST: an empty one counts as none. */
function inside(argv: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Promise<Result> {
  const own = { ...env, DOCKER_HOST: '' };
  return machine.run(['nsenter', '-t', String(holder.pid), '-m', ...argv], { env: own, input, timeoutMs: 120_000 });
}

async function ok(argv: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Promise<string> {
  const result = await inside(argv, env, input);
  assert.equal(result.code, 0, `${argv.join(' ')}: ${result.stdout}${result.stderr}`);
  return result.stdout.trim();
}

const davit = (...args: readonly string[]): Promise<string> => ok([program, ...args]);

test('it is made for root and the group docker, also where a killed engine left one', async () => {
  await ok(['perl', '-MIO::Socket::UNIX', '-e', `IO::Socket::UNIX->new(Local => '${socket}', Listen => 1) or die $!`]);
  assert.equal(await ok(['stat', '-c', '%F', socket]), 'socket');
  await davit('up', `--docker-socket=${socket}`, ...placed);
  assert.equal(await ok(['stat', '-c', '%a %u:%g %F', socket]), '660 0:4242 socket');
});

test('docker, dockerode and compose find it by themselves', async () => {
  await ok(['docker', 'import', '-c', 'CMD ["sh"]', await busyboxTar(), 'busybox:test']);
  assert.equal(await ok(['docker', 'run', '--rm', 'busybox:test', 'echo', 'found']), 'found');
  const script = `
    const { createRequire } = require('node:module');
    const Docker = createRequire(${JSON.stringify(packages)})('dockerode');
    new Docker().run('busybox:test', ['echo', 'found'], process.stdout, { HostConfig: { AutoRemove: true } }).then(([end]) => process.exit(end.StatusCode));`;
  assert.equal(await ok([process.execPath, '-e', script]), 'found');
});

for (const peer of ['docker-compose', 'docker-compose@sid'] as const) {
  test(`${peer} finds it by itself`, { skip: hasPeer(peer) ? false : `${peer} is not unpacked` }, async () => {
    const { path, env } = peerProgram(peer);
    const { PATH: _, ...own } = env;
    const file = `version: '3'\nservices: { one: { image: 'busybox:test', command: echo found, network_mode: none } }\n`;
    const said = await ok([path, '-f', '-', '-p', 'finds', 'run', '--rm', 'one'], own, file);
    assert.match(said, /found/);
  });
}

test('down takes it away, also when davit was killed', async () => {
  await davit('down');
  assert.equal((await inside(['stat', socket])).code, 1);
  await davit('up', `--docker-socket=${socket}`, ...placed);
  const { processes } = JSON.parse(await davit('status', '--output', 'json')) as { processes: readonly { role: string; pid: number }[] };
  await ok(['kill', '-9', String(processes.find(({ role }) => role === 'node')?.pid)]);
  assert.equal(await ok(['stat', '-c', '%F', socket]), 'socket');
  await davit('down');
  assert.equal((await inside(['stat', socket])).code, 1);
});

test('the socket of a dockerd that lives is left to it', { skip: hasPeer('docker.io') ? false : 'docker.io is not unpacked' }, async () => {
  await using stack = new AsyncDisposableStack();
  const dockerd = await startDockerd(stack, 'dsock-peer', '141');
  assert.ok(dockerd);
  const theirs = dockerd.host.replace('unix://', '');
  const refused = await inside([program, 'up', `--docker-socket=${theirs}`, ...placed]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, new RegExp(`another engine answers on ${theirs}: stop it, or name another place with --docker-socket`));
  const still = await machine.run(['docker', 'version', '--format', '{{.Server.Version}}'], { env: { DOCKER_HOST: dockerd.host } });
  assert.equal(`dockerd ${still.stdout.trim().split('+')[0]}`, dockerd.version);
});
