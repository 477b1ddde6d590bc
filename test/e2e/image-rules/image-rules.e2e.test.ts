/** The same commands through one client to davit and to Debian's dockerd: the same words, sizes, orders and refusals. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDockerd, type Dockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { busyboxTar } from '../../support/images.ts';
import { hasPeer, peerProgram } from '../../support/peers.ts';
import { cases } from './cases.ts';

const missing = hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let dockerd: Dockerd;
let context: string;

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('drules', 115));
  const started = await startDockerd(stack, 'drules-peer', '116');
  assert.ok(started);
  dockerd = started;
  context = join(host.folder, 'context');
  await mkdir(context);
  const dockerfile =
    'FROM busybox:test\nARG WHAT=one\nRUN head -c 100000 /dev/zero > /zeros\nRUN echo $WHAT > /what\nENV A=b\nCMD ["cat", "/what"]\n';
  await writeFile(join(context, 'Dockerfile'), dockerfile);
  const tar = await busyboxTar();
  const changes = ['-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin', '-c', 'LABEL base=1', '-m', 'the base'];
  for (const engine of engines()) {
    await docker(engine, ['rmi', 'busybox:test']);
    await docker(engine, ['import', ...changes, tar, 'busybox:test']);
    // Keeps it from being pruned.
    assert.equal((await docker(engine, ['create', '--name', 'keeper', '--label', 'base=1', 'busybox:test'])).code, 0);
  }
});
after(() => stack.disposeAsync());

const engines = (): readonly string[] => [`unix://${host.machine.dockerSocket}`, dockerd.host];

function docker(engine: string, args: readonly string[]): ReturnType<DockerMachine['try']> {
  const { path, env } = peerProgram('docker.io', 'docker');
  return host.machine.run([path, ...args], { env: { ...env, DOCKER_BUILDKIT: '0', DOCKER_HOST: engine } });
}

const config =
  '{{.Config.User}} {{.Config.WorkingDir}} {{json .Config.Env}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{json .Config.Labels}} {{json .Config.OnBuild}} {{json .Config.Healthcheck}}';

/** With what stands for something put in. */
async function resolved(engine: string, arg: string): Promise<string> {
  if (arg === 'CONTEXT') return context;
  if (arg === 'CONFIG') return config;
  const [, kind, name = ''] = /^(ID|SHORT|PARENT)\((.*)\)$/.exec(arg) ?? [];
  if (kind === undefined) return arg;
  const found = (await docker(engine, ['image', 'inspect', '-f', kind === 'PARENT' ? '{{.Parent}}' : '{{.Id}}', name])).stdout.trim();
  return kind === 'ID' ? found : found.replace('sha256:', '').slice(0, 12);
}

/** Without what differs from one engine, or one moment, to the other. */
function comparable(text: string): string {
  return (
    text
      .replaceAll(/[0-9a-f]{64}/g, '<id>')
      .replaceAll(/\b[0-9a-f]{12}\b/g, '<short>')
      .replaceAll(/(?:\d+ \w+|Less than a second|About an? \w+) ago/gi, '<ago>')
      .replaceAll(/ {2,}/g, '  ')
      .replaceAll(context, '<context>')
      // Newer than this dockerd.
      .replaceAll('Invalid filter', 'invalid filter')
  );
}

/** Lists whose order is a matter of chance; the classic builder of dockerd keeps no records of its cache. */
function unordered(text: string): string {
  const [shown = ''] = text.replace(/Deleted build cache objects:\n(?:<id>\n)+\n/, '').split(/^Build cache usage|^Build Cache\|/m);
  return shown.split('\n').toSorted().join('\n');
}

async function outcome(engine: string, step: readonly string[]): Promise<string> {
  const args = await Promise.all(step.map((arg) => resolved(engine, arg)));
  const { code, stdout, stderr } = await docker(engine, args);
  const text = comparable(`${code}\n${stdout}${stderr}`);
  return step.includes('df') || step[0] === 'system' ? unordered(text) : text;
}

for (const { name, steps } of cases) {
  test(name, { skip: missing }, async () => {
    for (const step of steps) {
      const [ours, theirs] = (await Promise.all(engines().map((engine) => outcome(engine, step)))) as [string, string];
      assert.equal(ours, theirs, `docker ${step.join(' ')}`);
    }
  });
}
