/**
 * kill -9 of the engine in the middle of pull, load, build, commit, rmi and prune: what it said it has it has, every image that it lists runs,
 * and nothing else is there: no directory, mount or process, and every byte on the disk has an owner.
 * 200 kills as in the issue (more than the runner gives a file): DAVIT_CRASH_ROUNDS=200 node --test test/e2e/crash-images.e2e.test.ts
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { delay } from '../../src/base/abort.ts';
import { memoryTarBytes } from '../../src/engine/archive/memory-tar.fake.ts';
import { CrashImages } from '../support/crash-images.ts';
import { seeded } from '../support/crash-load.ts';
import { dockerApi } from '../support/docker-api.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';
import { hasPeer } from '../support/peers.ts';
import { PeerRegistry } from '../support/peer-registry.ts';

const asked = process.env['DAVIT_CRASH_ROUNDS'];
const rounds = Number(asked ?? 200);
/** As many as fit in, when no number was asked for. */
const mostSeconds = asked === undefined ? 35 : Number.POSITIVE_INFINITY;
const fewest = 3;
const seed = Number(process.env['DAVIT_CRASH_SEED'] ?? Date.now() % 1_000_000);
const remote = '127.0.0.1:5000/app:1';
const missing = hasPeer('docker-registry') ? false : 'docker-registry is not unpacked (bash tools/peers.sh docker-registry)';

const verbs = ['pull', 'load', 'build', 'commit', 'prune'];
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let socket: string;
/** Short ID of the container that stays. */
let writer: string;

const context = memoryTarBytes(
  {
    name: 'Dockerfile',
    data: 'FROM busybox:test\nARG X\nRUN echo $X > /x && head -c 200000 /dev/urandom > /y\nCOPY a /a\nRUN cat /a /x\n',
  },
  { name: 'a', data: 'a'.repeat(100_000) },
);

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('crashimg', 113));
  socket = (host.machine.environment['DOCKER_HOST'] ?? '').replace('unix://', '');
  stack.use(await PeerRegistry.start(host.machine, { port: 5000 }));
  const build = 'FROM busybox:test\nRUN head -c 3000000 /dev/urandom > /big\nRUN echo top > /top\n';
  await host.sh(`printf '%s' '${build}' | docker build -q -t ${remote} - && docker push -q ${remote}`);
  await host.sh(
    `printf '%s' '${build.replace('top', 'loaded')}' | docker build -q -t loaded:1 - && docker save -o ${host.folder}/loaded.tar loaded:1`,
  );
  // Keeps busybox:test from being pruned.
  await host.docker(
    'run',
    '--name',
    'writer',
    '--network',
    'none',
    'busybox:test',
    'sh',
    '-c',
    'head -c 400000 /dev/urandom > /written; rm /tmp -r',
  );
  writer = await host.docker('ps', '-aq', '--filter', 'name=writer');
});
after(() => stack.disposeAsync());

test(
  'killed again and again at random moments of work on images',
  { skip: missing, timeout: 120_000 + (asked ? rounds * 8000 : 0) },
  async (context_) => {
    context_.diagnostic(`DAVIT_CRASH_SEED=${seed}`);
    const random = seeded(seed);
    const archive = await readFile(join(host.folder, 'loaded.tar'));
    const load = new CrashImages({ socket, remote, archive, context, container: 'writer' }, random);
    const until = performance.now() + mostSeconds * 1000;
    let [round, ran] = [0, 0];
    const killed: Record<string, number> = {};
    while (round < rounds && (round < fewest || performance.now() < until)) {
      round += 1;
      // Beside everything else hardly a build comes to its end.
      const running = load.run(round % 2 === 0 ? 'only builds' : 'all');
      // However slow the machine: each verb comes to its end once.
      if (round === 1)
        await eventually(
          async () =>
            assert.deepEqual(
              verbs.filter((verb) => !load.counts[verb]),
              [],
            ),
          { withinMs: 60_000 },
        );
      await delay(50 + random() * 1500);
      for (const [verb, count] of Object.entries(load.underWay)) if (count > 0) killed[verb] = (killed[verb] ?? 0) + 1;
      await host.stopEngine('SIGKILL');
      await running;
      load.settle();
      await host.startEngine();
      const title = `round ${round}`;
      assert.deepEqual(leftOvers(), [], title);
      ran += await everyImageRuns(load.kept, title);
      await ledgerHolds(title);
    }
    context_.diagnostic(
      `${round} kills, ${ran} images run, done ${JSON.stringify(load.counts)}, killed in the middle of ${JSON.stringify(killed)}`,
    );
  },
);

async function json<T>(method: string, path: string, body?: object): Promise<T> {
  const { status, body: text } = await dockerApi(socket, method, path, body);
  assert.ok(status < 300, `${method} ${path}: ${status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function everyImageRuns(kept: ReadonlySet<string>, title: string): Promise<number> {
  const images = await json<readonly { readonly Id: string; readonly RepoTags: readonly string[] }[]>('GET', '/images/json');
  const names = new Set(images.flatMap(({ RepoTags }) => RepoTags));
  for (const name of kept) assert.ok(names.has(name), `${title}: ${name} was acknowledged and is gone; there are ${[...names].join()}`);
  // Every file is read: a layer that is not whole shows.
  const Cmd = ['sh', '-c', 'find / -xdev -type f -exec cat {} + > /dev/null && echo whole'];
  for (const { Id } of images) {
    const created = await json<{ readonly Id: string }>('POST', '/containers/create', {
      Image: Id,
      Cmd,
      HostConfig: { NetworkMode: 'none' },
    });
    await json('POST', `/containers/${created.Id}/start`);
    const { StatusCode } = await json<{ readonly StatusCode: number }>('POST', `/containers/${created.Id}/wait`);
    assert.equal(StatusCode, 0, `${title}: ${Id} runs`);
    await json('DELETE', `/containers/${created.Id}?force=1`);
  }
  return images.length;
}

async function ledgerHolds(title: string): Promise<void> {
  const { Ledger } = await json<{
    readonly Ledger: {
      readonly total: number;
      readonly rows: readonly { readonly kind: string; readonly name: string; readonly bytes: number }[];
    };
  }>('GET', '/system/df');
  const { total, rows } = Ledger;
  assert.deepEqual(
    rows.filter(({ kind }) => kind === 'unowned' || kind === 'underWay'),
    [],
    title,
  );
  assert.deepEqual(rows.filter(({ kind }) => kind === 'snapshot').length, 1, `${title}: the writer's alone`);
  assert.equal(
    rows.reduce((sum, { bytes }) => sum + bytes, 0),
    total,
    title,
  );
  assert.equal(Number((await host.sh(`du -s -B1 ${host.folder}/data/engine`)).split('\t')[0]), total, `${title}: what du finds`);
}

/** Of builds and their steps: mounts, bundles, supervisors and processes in them. */
function leftOvers(): readonly string[] {
  const run = join(host.folder, 'run');
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(host.folder) && !/ nsfs /.test(line));
  const files = globSync([join(run, 'engine/{c,n,v}/*'), join(run, 'runc/*')]);
  const groups = globSync(['/sys/fs/cgroup/davit-crashimg/*/cgroup.procs', '/sys/fs/cgroup/*/davit-crashimg/*/cgroup.procs']);
  const supervisors = globSync('/proc/[0-9]*/cmdline')
    .map((file) => contentOf(file).replaceAll('\0', ' '))
    .filter((command) => /^(?:conmon|runc)/.test(command) && command.includes(host.folder));
  return [...mounts, ...files, ...groups, ...supervisors].filter((name) => !name.endsWith(`/c/${writer}`));
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
