/** The same scripts of docker commands against davit and against Debian's dockerd: the same output, the same errors, the same exit code. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startDockerd, type Dockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { busyboxTar } from '../../support/images.ts';
import type { Result } from '../../support/machine.ts';
import { hasPeer } from '../../support/peers.ts';
import type { ParityCase } from './case.ts';
import { listCases } from './list-cases.ts';
import { inNewerWords, normalise } from './normalise.ts';
import { optionCases } from './option-cases.ts';
import { streamCases } from './stream-cases.ts';
import { verbCases } from './verb-cases.ts';

const missing = hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let dockerd: Dockerd;

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('parity', 134));
  const started = await startDockerd(stack, 'parity-peer', '135');
  assert.ok(started);
  dockerd = started;
  const settings = ['-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin'];
  await host.machine.ok(['docker', 'import', ...settings, await busyboxTar(), 'busybox:test'], { env: { DOCKER_HOST: dockerd.host } });
});
after(() => stack.disposeAsync());

const tidy = 'docker ps -aq | xargs -r docker rm -fv >/dev/null 2>&1; docker volume ls -q | xargs -r docker volume rm >/dev/null';

/** The API of the older engine, so that the client speaks the same to both. */
async function run(script: string, DOCKER_HOST: string): Promise<Result> {
  const env = { DOCKER_HOST, DOCKER_API_VERSION: '1.41', DOCKER_CLI_HINTS: 'false' };
  const result = await host.machine.run(['bash', '-c', script], { env });
  await host.machine.ok(['sh', '-c', tidy], { env });
  return result;
}

function parity({ name, script }: ParityCase): void {
  test(name, { skip: missing, timeout: 90_000 }, async () => {
    const ours = host.machine.environment['DOCKER_HOST'] ?? '';
    const [mine, theirs] = await Promise.all([run(script, ours), run(script, dockerd.host)]);
    assert.equal(normalise(mine), inNewerWords(normalise(theirs)));
  });
}

for (const each of [...verbCases, ...streamCases, ...listCases, ...optionCases]) parity(each);
