/** Each case of the corpus through davit and through Debian's dockerd: the same files, the same config, the same refusals. */
import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startDockerd, type Dockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { busyboxTar } from '../../support/images.ts';
import type { Result } from '../../support/machine.ts';
import { hasPeer, peerProgram } from '../../support/peers.ts';
import type { Case } from './case.ts';
import { comparable, readExport } from './compare.ts';
import { conformanceCases } from './conformance-cases.ts';
import { fileCases } from './file-cases.ts';
import { languageCases } from './language-cases.ts';

const missing = hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let dockerd: Dockerd;

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('dcorpus', 122));
  const started = await startDockerd(stack, 'dcorpus-peer', '123');
  assert.ok(started);
  dockerd = started;
  await peer(['import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin', await busyboxTar(), 'busybox:test']);
});
after(() => stack.disposeAsync());

function peer(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
  // Its own client: newer ones reach its BuildKit only with a plug-in.
  const client = peerProgram('docker.io', 'docker');
  return host.machine.run([client.path, ...args], { env: { ...client.env, ...env, DOCKER_HOST: dockerd.host } });
}

const ours = (args: readonly string[]): Promise<Result> => host.machine.run(['docker', ...args], { env: { DOCKER_BUILDKIT: '0' } });

async function contextOf({ dockerfile, files = {}, prepare }: Case, name: string): Promise<string> {
  const folder = join(host.folder, name);
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
  if (prepare !== undefined) await host.sh(`cd ${folder} && ${prepare}`);
  return folder;
}

type Docker = (args: readonly string[]) => Promise<Result>;

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

const cases = [...fileCases, ...languageCases, ...conformanceCases];

// Each waits for two engines and their clients most of its time.
describe('corpus', { concurrency: 4 }, () => {
  for (const [index, one] of cases.entries()) test(one.name, { skip: missing || (one.skip ?? false) }, () => compare(one, index));
});

async function compare(one: Case, index: number): Promise<void> {
  const folder = await contextOf(one, `case-${index}`);
  const image = `corpus:${index}`;
  const args = ['build', '-t', image, ...(one.flags ?? []), folder];
  const reference: Docker = (given) => peer(given, { DOCKER_BUILDKIT: one.classic ? '0' : '1' });
  const [mine, theirs] = await Promise.all([ours(args), reference(args)]);
  const said = `davit: ${mine.stdout}${mine.stderr}\ndockerd: ${theirs.stdout}${theirs.stderr}`;
  if (one.fails) return assert.deepEqual([mine.code === 0, theirs.code === 0], [false, false], said);
  assert.deepEqual([mine.code, theirs.code], [0, 0], said);
  const [found, wanted] = await Promise.all([
    look(ours, image, join(folder, '.ours.tar')),
    look(reference, image, join(folder, '.theirs.tar')),
  ]);
  const capable = one.capable ?? [];
  for (const path of capable) {
    assert.match(found.files[path] ?? '', /"security.capability"/, path);
    assert.doesNotMatch(wanted.files[path] ?? '', /"security.capability"/, `${path}: no exception needed any more`);
  }
  assert.deepEqual({ ...found, files: without(found.files, capable) }, { ...wanted, files: without(wanted.files, capable) });
}
