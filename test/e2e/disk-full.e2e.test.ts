/** The disk that holds davit's data fills up: every verb says so, leaves nothing half made, and works again when there is space. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

const image = 'busybox:test';
const talk = `docker run -d --name up ${image} sh -c 'while :; do echo still here; sleep 0.2; done'`;
let host: DockerMachine;
let data: string;

before(async () => {
  host = await DockerMachine.create('full', 149, (folder) => {
    data = join(folder, 'data');
    mkdirSync(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', data]);
    return [];
  });
  await host.sh(
    `mkdir ${host.folder}/context && printf 'FROM ${image}\\nRUN head -c 9000000 /dev/zero > /big\\n' > ${host.folder}/context/Dockerfile`,
  );
  await host.sh(`docker save ${image} > $HOME/image.tar && head -c 3000000 /dev/urandom > $HOME/file`);
  await host.sh('docker import $HOME/image.tar other && docker save other > $HOME/other.tar && docker rmi other');
  await host.sh(talk);
  await host.docker('create', '--name', 'made', image, 'sleep', '1000');
});
after(async () => {
  await host.stopEngine('SIGTERM');
  await host.machine.run(['sh', '-c', `${join(import.meta.dirname, '../../bin/davit')} down --cgroup-parent /davit-full`]);
  execFileSync('umount', [data]);
  await host[Symbol.asyncDispose]();
});

function fill(): void {
  for (const size of [1 << 20, 4096]) {
    for (let count = 0; ; count += 1) {
      try {
        writeFileSync(join(data, `filler-${size}-${count}`), Buffer.alloc(size, 1));
      } catch {
        break;
      }
    }
  }
  assert.equal(statfsSync(data).bavail, 0);
}
const drain = (): void => globSync(join(data, 'filler-*')).forEach((file) => rmSync(file));

interface Verb {
  readonly name: string;
  readonly line: string;
  /** Makes the machine what it was, after the verb has succeeded. */
  readonly undo?: string;
}

const verbs: readonly Verb[] = [
  { name: 'create', line: `docker create --name new ${image} true`, undo: 'docker rm new' },
  { name: 'run', line: `docker run --name new ${image} true`, undo: 'docker rm new' },
  { name: 'start', line: 'docker start made', undo: 'docker kill made' },
  { name: 'exec that writes', line: 'docker exec up sh -c "head -c 2000000 /dev/zero > /x"', undo: 'docker exec up rm /x' },
  { name: 'cp', line: 'docker cp $HOME/file up:/file', undo: 'docker exec up rm /file' },
  { name: 'commit', line: 'docker commit up new', undo: 'docker rmi new' },
  { name: 'build', line: 'DOCKER_BUILDKIT=0 docker build -t new $HOME/context', undo: 'docker rmi new' },
  { name: 'import', line: 'docker import $HOME/image.tar new', undo: 'docker rmi new' },
  { name: 'load', line: 'docker load < $HOME/other.tar', undo: 'docker rmi other' },
  { name: 'tag', line: `docker tag ${image} new`, undo: 'docker rmi new' },
  { name: 'network create', line: 'docker network create new', undo: 'docker network rm new' },
  { name: 'volume create', line: 'docker volume create new', undo: 'docker volume rm new' },
  { name: 'rename', line: 'docker rename made new', undo: 'docker rename new made' },
  { name: 'update', line: 'docker update --pids-limit 100 up' },
];

/** What ends or removes something needs no room of its own. `sees` is what a command tells afterwards, with the disk still full. */
const relief: readonly (Verb & { readonly before?: string; readonly sees: readonly [command: string, output: string] })[] = [
  { name: 'stop', line: 'docker stop -t 1 up', undo: 'docker start up', sees: [`docker inspect -f '{{.State.Status}}' up`, 'exited'] },
  { name: 'kill', line: 'docker kill up', undo: 'docker start up', sees: [`docker inspect -f '{{.State.ExitCode}}' up`, '137'] },
  {
    name: 'pause and unpause',
    line: 'docker pause up && docker unpause up',
    sees: [`docker inspect -f '{{.State.Status}}' up`, 'running'],
  },
  { name: 'exec that only looks', line: 'docker exec up true', sees: ['docker exec up echo looks', 'looks'] },
  {
    name: 'rm',
    line: 'docker rm made',
    undo: `docker create --name made ${image} sleep 1000`,
    sees: ['docker ps -aq --filter name=made', ''],
  },
  { name: 'rm -f', line: 'docker rm -f up', undo: talk, sees: ['docker ps -aq --filter name=up', ''] },
  { name: 'rmi', before: `docker tag ${image} other:1`, line: 'docker rmi other:1', sees: ['docker images -q other', ''] },
  { name: 'volume rm', before: 'docker volume create v1', line: 'docker volume rm v1', sees: ['docker volume ls -q', ''] },
  {
    name: 'network rm',
    before: 'docker network create n1',
    line: 'docker network rm n1',
    sees: ['docker network ls -q --filter name=n1', ''],
  },
  {
    name: 'container prune',
    before: `docker create --label pruned ${image} true && docker create --label pruned ${image} true`,
    line: 'docker container prune -f --filter label=pruned',
    sees: ['docker ps -aq --filter label=pruned', ''],
  },
];

/** What clients see; exit codes aside, which a start that was undone leaves behind as it does under dockerd. */
const seen = (): Promise<string> =>
  host.sh(
    `docker ps -a --format '{{.Names}} {{.State}}' | sed 's/ exited/ created/' | sort; docker images --format '{{.Repository}}' | sort; docker volume ls -q; docker network ls --format '{{.Name}}'`,
  );

for (const { name, line, undo } of verbs) {
  test(`${name}: refused in clear words, nothing half made, and done when there is space`, { timeout: 60_000 }, async () => {
    const untouched = await seen();
    fill();
    try {
      const refused = await host.machine.run(['sh', '-c', line]);
      assert.notEqual(refused.code, 0, line);
      assert.match(refused.stdout + refused.stderr, /disk is full|no space left on device|I\/O error/i);
      assert.equal(await host.docker('inspect', '-f', '{{.State.Status}}', 'up'), 'running');
      assert.match(await host.docker('logs', '--tail', '1', 'up'), /still here/);
    } finally {
      drain();
    }
    assert.equal(await seen(), untouched);
    await host.sh(line);
    if (undo) await host.sh(undo);
    assert.equal(await seen(), untouched);
    const left = globSync([join(data, 'engine/tmp/*'), join(data, 'engine/**/*.partial')]);
    assert.deepEqual(left, []);
  });
}

/** davit keeps some room for this, and makes it anew when it writes something and there is plenty. */
async function roomIsKept(): Promise<void> {
  await host.sh('docker volume create ww && docker volume rm ww');
  await eventually(async () => assert.ok(existsSync(join(data, 'engine/store.db-ballast'))), { withinMs: 10_000 });
}

for (const { name, before: prepare, line, undo, sees } of relief) {
  test(`${name}: done on a full disk`, { timeout: 60_000 }, async () => {
    const untouched = await seen();
    if (prepare) await host.sh(prepare);
    await roomIsKept();
    fill();
    try {
      await host.sh(line);
      assert.equal(await host.sh(sees[0]), sees[1]);
    } finally {
      drain();
    }
    if (undo) await host.sh(undo);
    assert.equal(await seen(), untouched);
  });
}

test('what was removed and stopped on a full disk stays so when davit is killed and started there', { timeout: 60_000 }, async () => {
  await roomIsKept();
  fill();
  try {
    await host.sh('docker stop -t 1 up && docker rm made');
    await host.stopEngine('SIGKILL');
    await host.startEngine();
    assert.equal(await host.sh(`docker ps -a --format '{{.Names}} {{.State}}'`), 'up exited');
    await host.sh('docker rm up');
  } finally {
    drain();
  }
  await host.sh(`${talk} && docker create --name made ${image} sleep 1000`);
});

test('what ends while the disk is full is known to have ended, also after davit is started again', { timeout: 60_000 }, async () => {
  await host.docker('run', '-d', '--name', 'short', image, 'sh', '-c', 'sleep 1; exit 7');
  await host.docker('run', '-d', '--rm', '--name', 'passing', image, 'sleep', '1');
  fill();
  await eventually(
    async () => assert.equal(await host.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'short'), 'exited 7'),
    {
      withinMs: 10_000,
    },
  );
  drain();
  await eventually(async () => assert.doesNotMatch(await host.docker('ps', '-a'), /passing/), { withinMs: 15_000 });
  await host.stopEngine('SIGKILL');
  await host.startEngine();
  assert.equal(await host.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'short'), 'exited 7');
});
