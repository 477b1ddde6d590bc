import { fileURLToPath } from 'node:url';
import type { Machine, Result } from './machine.ts';
import { peerProgram } from './peers.ts';

/** docker compose as Debian packages it: 1.29 of bookworm (Python, API 1.35 for the file format in use), 2.40 of sid (Go, the newest API). */
export type ComposePeer = 'docker-compose' | 'docker-compose@sid';

/** A project of docker compose on a machine. */
export class Compose {
  readonly #machine: Machine;
  readonly #peer: ComposePeer;
  readonly #options: readonly string[];

  constructor(machine: Machine, peer: ComposePeer, folder: string, project: string) {
    this.#machine = machine;
    this.#peer = peer;
    this.#options = ['--project-directory', folder, '-f', `${folder}/compose.yaml`, '-p', project];
  }

  static readonly project = fileURLToPath(new URL('../e2e/compose-project', import.meta.url));

  run(...args: readonly string[]): Promise<Result> {
    const { path, env } = peerProgram(this.#peer);
    const { PATH: _, ...own } = env;
    const settings = { COMPOSE_PROGRESS: 'plain', DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0', ...own };
    return this.#machine.run([path, ...this.#options, ...args], { env: settings, timeoutMs: 120_000 });
  }

  /** Both outputs of a command that must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`compose ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  }
}
