import assert from 'node:assert/strict';
import { startDockerd, type Dockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { busyboxTar } from '../../support/images.ts';
import type { Result } from '../../support/machine.ts';
import { hasPeer } from '../../support/peers.ts';
import type { ParityCase } from './case.ts';
import { inNewerWords, normalise } from './normalise.ts';

/** Why nothing can be compared here; false when it can. */
export const noPeer = hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';

const tidy =
  'docker ps -aq | xargs -r docker rm -fv >/dev/null 2>&1; docker volume ls -q | xargs -r docker volume rm >/dev/null; docker network prune -f >/dev/null';

/** davit and Debian's dockerd, each on a host of its own, both with the image busybox:test. */
export class BothEngines implements AsyncDisposable {
  readonly host: DockerMachine;
  readonly dockerd: Dockerd;
  readonly #stack: AsyncDisposableStack;

  private constructor(host: DockerMachine, dockerd: Dockerd, stack: AsyncDisposableStack) {
    this.host = host;
    this.dockerd = dockerd;
    this.#stack = stack;
  }

  /** `number` and the next one: 1–250, different for every test file. */
  static async start(name: string, number: number): Promise<BothEngines> {
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await DockerMachine.create(name, number));
    const dockerd = await startDockerd(stack, `${name}-peer`, String(number + 1));
    assert.ok(dockerd);
    const settings = ['-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin'];
    await host.machine.ok(['docker', 'import', ...settings, await busyboxTar(), 'busybox:test'], { env: { DOCKER_HOST: dockerd.host } });
    return new BothEngines(host, dockerd, stack.move());
  }

  /** The same output, the same errors, the same exit code. */
  async compare({ script }: ParityCase): Promise<void> {
    const ours = this.host.machine.environment['DOCKER_HOST'] ?? '';
    const [mine, theirs] = await Promise.all([this.#run(script, ours), this.#run(script, this.dockerd.host)]);
    assert.equal(normalise(mine), inNewerWords(normalise(theirs)));
  }

  /** The API of the older engine, so that the client speaks the same to both. */
  async #run(script: string, DOCKER_HOST: string): Promise<Result> {
    const env = { DOCKER_HOST, DOCKER_API_VERSION: '1.41', DOCKER_CLI_HINTS: 'false' };
    const result = await this.host.machine.run(['bash', '-c', script], { env });
    await this.host.machine.ok(['sh', '-c', tidy], { env });
    return result;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
