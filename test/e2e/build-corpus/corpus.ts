import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDockerd, type dockerdPeers, type Dockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { busyboxTar } from '../../support/images.ts';
import type { Result } from '../../support/machine.ts';
import { peerFile, peerProgram } from '../../support/peers.ts';
import type { Case } from './case.ts';
import { comparable, readExport } from './compare.ts';

export type Docker = (args: readonly string[]) => Promise<Result>;

export interface CorpusOptions {
  /** Of the hosts; each file has its own. */
  readonly name: string;
  readonly numbers: readonly [davit: number, dockerd: number];
  readonly release: keyof typeof dockerdPeers;
  /** Who asks davit: the classic client leaves out more of a context than BuildKit and davit do. */
  readonly client: 'docker' | 'davit';
}

const davit = fileURLToPath(new URL('../../../bin/davit', import.meta.url));

/** A davit and a dockerd, each on a host of its own, that build the same things. */
export class Corpus implements AsyncDisposable {
  readonly host: DockerMachine;
  readonly #options: CorpusOptions;
  readonly #dockerd: Dockerd;
  readonly #stack: AsyncDisposableStack;

  private constructor(host: DockerMachine, dockerd: Dockerd, options: CorpusOptions, stack: AsyncDisposableStack) {
    this.host = host;
    this.#dockerd = dockerd;
    this.#options = options;
    this.#stack = stack;
  }

  static async open(options: CorpusOptions): Promise<Corpus> {
    const { name, numbers, release } = options;
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await DockerMachine.create(name, numbers[0]));
    const dockerd = await startDockerd(stack, `${name}-peer`, String(numbers[1]), release);
    assert.ok(dockerd);
    const plugins = { cliPluginsExtraDirs: [dirname(peerFile('docker-buildx@sid', 'usr/libexec/docker/cli-plugins/docker-buildx'))] };
    await mkdir(join(host.folder, 'client'));
    await writeFile(join(host.folder, 'client/config.json'), JSON.stringify(plugins));
    const corpus = new Corpus(host, dockerd, options, stack.move());
    const commands = ['-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin'];
    await corpus.peer(['import', ...commands, await busyboxTar(), 'busybox:test']);
    return corpus;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  peer(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
    const { machine, folder } = this.host;
    const host = { DOCKER_HOST: this.#dockerd.host };
    if (this.#options.release === 'sid')
      return machine.run(['docker', ...args], { env: { ...env, ...host, DOCKER_CONFIG: join(folder, 'client') } });
    // Its own client: newer ones reach its BuildKit only with a plug-in.
    const client = peerProgram('docker.io', 'docker');
    return machine.run([client.path, ...args], { env: { ...client.env, ...env, ...host } });
  }

  readonly ours: Docker = (args) => this.host.machine.run(['docker', ...args], { env: { DOCKER_BUILDKIT: '0' } });

  /** `davit …` */
  davit(args: readonly string[]): Promise<Result> {
    return this.host.machine.run([davit, ...args]);
  }

  #build(args: readonly string[]): Promise<Result> {
    return this.#options.client === 'docker' ? this.ours(args) : this.davit(args);
  }

  async contextOf({ dockerfile, files = {}, prepare }: Pick<Case, 'dockerfile' | 'files' | 'prepare'>, name: string): Promise<string> {
    const folder = join(this.host.folder, name);
    await mkdir(folder);
    const all: NonNullable<Case['files']> = { Dockerfile: dockerfile, ...files };
    for (const [path, file] of Object.entries(all)) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      if (typeof file === 'object' && 'link' in file) {
        await symlink(file.link, target);
        continue;
      }
      const { text, mode } = typeof file === 'string' ? { text: file, mode: 0o644 } : file;
      await writeFile(target, text);
      await chmod(target, mode);
    }
    if (prepare !== undefined) await this.host.sh(`cd ${folder} && ${prepare}`);
    return folder;
  }

  /** Builds it with both: the same files and config, or the same refusal. */
  async compare(one: Case, index: number): Promise<void> {
    const folder = await this.contextOf(one, `case-${index}`);
    const image = `corpus:${index}`;
    const args = ['build', '-t', image, ...(one.flags ?? []), folder];
    const reference: Docker = (given) => this.peer(given, { DOCKER_BUILDKIT: one.classic ? '0' : '1' });
    const [mine, theirs] = await Promise.all([this.#build(args), reference(args)]);
    const said = `davit: ${mine.stdout}${mine.stderr}\ndockerd: ${theirs.stdout}${theirs.stderr}`;
    if (one.fails) return assert.deepEqual([mine.code === 0, theirs.code === 0], [false, false], said);
    assert.deepEqual([mine.code, theirs.code], [0, 0], said);
    const [found, wanted] = await Promise.all([
      look(this.ours, image, join(folder, '.ours.tar')),
      look(reference, image, join(folder, '.theirs.tar')),
    ]);
    const capable = one.capable ?? [];
    for (const path of capable) {
      assert.match(found.files[path] ?? '', /"security.capability"/, path);
      assert.doesNotMatch(wanted.files[path] ?? '', /"security.capability"/, `${path}: no exception needed any more`);
    }
    assert.deepEqual({ ...found, files: without(found.files, capable) }, { ...wanted, files: without(wanted.files, capable) });
  }
}

/** The files and the config of an image. */
async function look(
  docker: Docker,
  image: string,
  tar: string,
): Promise<{ readonly config: unknown; readonly files: Readonly<Record<string, string>> }> {
  const must = async (...args: readonly string[]): Promise<string> => {
    const result = await docker(args);
    assert.equal(result.code, 0, `docker ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.trim();
  };
  const id = await must('create', image, 'x');
  await must('export', '-o', tar, id);
  const files = await readExport(tar);
  await rm(tar);
  await must('rm', id);
  return { config: comparable(await must('inspect', image)), files };
}

/** Of these paths without their attributes. */
function without(files: Readonly<Record<string, string>>, paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([path, told]) => [path, paths.includes(path) ? told.replace(/ \{.*$/, '') : told]));
}
