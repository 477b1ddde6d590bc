/** Images: import, build, tag, save, load, history. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';

let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('dimg', 105);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

async function context(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(host.folder, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const application = {
  Dockerfile: `ARG BASE=busybox:test
FROM $BASE AS build
WORKDIR /src
COPY . .
RUN cat one.txt two.txt > /all.txt && echo built

FROM $BASE
ARG WHO=nobody
LABEL maker=davit
ENV GREETING="hello $WHO"
COPY --from=build --chown=65534:65534 /all.txt /data/
RUN test ! -e /src
EXPOSE 8080/tcp
USER 65534
WORKDIR /data
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["sh", "-c"]
CMD ["cat all.txt; echo $GREETING; ls -ln all.txt"]
`,
  'one.txt': 'one\n',
  'two.txt': 'two\n',
  'secret.txt': 'not for the image\n',
  '.dockerignore': '*.log\nsecret.txt\n',
};

test('a multi-stage build', async () => {
  const folder = await context('app', application);
  const said = await host.docker('build', '-t', 'app:1', '--build-arg', 'WHO=world', folder);
  assert.match(said, /Step 1\/\d+ : ARG BASE=busybox:test/);
  assert.match(said, /Successfully tagged app:1/);
  assert.match(await host.docker('run', '--rm', 'app:1'), /^one\ntwo\nhello world\n-rw\S+ +1 65534 +65534 /);
});

test('the second build comes from the cache, a changed file from where it is used', async () => {
  const folder = join(host.folder, 'app');
  const id = await host.docker('images', '-q', '--no-trunc', 'app:1');
  const again = await host.docker('build', '-t', 'app:1', '--build-arg', 'WHO=world', folder);
  assert.ok(again.split('---> Using cache').length > 8, again);
  assert.equal(await host.docker('images', '-q', '--no-trunc', 'app:1'), id);
  await writeFile(join(folder, 'two.txt'), 'changed\n');
  await host.docker('build', '-t', 'app:2', '--build-arg', 'WHO=world', folder);
  assert.match(await host.docker('run', '--rm', 'app:2'), /^one\nchanged\n/);
});

test('.dockerignore keeps files out', async () => {
  const folder = await context('ignore', { ...application, Dockerfile: 'FROM busybox:test\nCOPY . /all\nRUN ls -A /all\n', 'x.log': 'x' });
  const said = await host.docker('build', folder);
  assert.doesNotMatch(said, /secret\.txt|x\.log/);
  assert.match(said, /one\.txt/);
});

test('quiet, target and another Dockerfile', async () => {
  const folder = join(host.folder, 'app');
  assert.match(await host.docker('build', '-q', '--target', 'build', folder), /^sha256:[0-9a-f]{64}$/);
  const other = await context('other', { 'docker/Other': 'FROM busybox:test\nCMD ["echo", "other"]\n' });
  const id = await host.docker('build', '-q', '-f', join(other, 'docker/Other'), other);
  assert.equal(await host.docker('run', '--rm', id), 'other');
});

test('what the image says', async () => {
  const format =
    '{{.Config.User}} {{.Config.WorkingDir}} {{json .Config.ExposedPorts}} {{.Config.Labels.maker}} {{json .Config.Entrypoint}} {{json .Config.Healthcheck}}';
  assert.equal(
    await host.docker('image', 'inspect', '-f', format, 'app:1'),
    '65534 /data {"8080/tcp":{}} davit ["sh","-c"] {"Test":["CMD-SHELL","true"],"Interval":5000000000}',
  );
  const history = await host.docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', 'app:1');
  assert.match(history, /CMD \["cat all\.txt; echo \$GREETING; ls -ln all\.txt"\]/);
});

const broken: readonly (readonly [title: string, dockerfile: string, message: RegExp])[] = [
  ['an unknown instruction', 'FROM busybox:test\n\nFROBNICATE x\n', /dockerfile parse error on line 3: unknown instruction: FROBNICATE/i],
  ['nothing', '', /file with no instructions|cannot be empty/i],
  ['a missing base', 'FROM busybox:nonesuch\n', /busybox:nonesuch/],
  ['a missing file', 'FROM busybox:test\nCOPY none.txt /\n', /COPY failed: .*none\.txt/],
  ['a failing command', 'FROM busybox:test\nRUN exit 5\n', /The command '\/bin\/sh -c exit 5' returned a non-zero code: 5/],
];

for (const [title, dockerfile, message] of broken) {
  test(`a Dockerfile with ${title} is refused, and nothing is left`, async () => {
    const folder = await context(`broken-${title.replaceAll(' ', '-')}`, { Dockerfile: dockerfile, 'a.txt': 'a' });
    const result = await host.try('build', '--pull=false', '-t', 'broken:1', folder);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, message);
    assert.equal(await host.docker('images', '-q', 'broken'), '');
    assert.equal(await host.docker('ps', '-aq'), '');
  });
}

test('tag, save, remove, load', async () => {
  await host.docker('tag', 'app:1', 'localhost:5000/team/app:v1');
  const archive = join(host.folder, 'app.tar');
  await host.docker('save', '-o', archive, 'app:1', 'localhost:5000/team/app:v1');
  assert.match(await host.docker('rmi', 'localhost:5000/team/app:v1'), /Untagged: localhost:5000\/team\/app:v1/);
  await host.docker('create', '--name', 'user', 'app:1');
  assert.match(
    (await host.try('rmi', 'app:1')).stderr,
    /conflict: unable to remove repository reference "app:1" \(must force\)|image is being used by stopped container/,
  );
  await host.docker('rm', 'user');
  await host.docker('rmi', 'app:1');
  assert.match((await host.try('image', 'inspect', 'app:1')).stderr, /No such image: app:1/i);
  assert.match(await host.docker('load', '-i', archive), /Loaded image: app:1/);
  assert.match(await host.docker('run', '--rm', 'localhost:5000/team/app:v1'), /hello world/);
});

test('lists, sizes and pruning', async () => {
  assert.match(
    await host.docker('images', '--format', '{{.Repository}}:{{.Tag}} {{.Size}}', '--filter', 'reference=busy*'),
    /^busybox:test \d/,
  );
  assert.match(await host.docker('system', 'df'), /^Images +\d/m);
  assert.match(await host.docker('info', '--format', '{{.Driver}} {{.OSType}} {{.CgroupDriver}}'), /^overlay2 linux cgroupfs$/);
  await host.docker('image', 'prune', '-f');
  assert.equal(await host.docker('images', '-q', '--filter', 'dangling=true'), '');
  assert.match((await host.try('push', 'app:2')).stderr, /no such host|registry-1\.docker\.io/);
});

test('the ledger of system df is what du finds, to the byte, and every byte has an owner', async () => {
  await host.docker('create', '--name', 'ledger', '-v', 'ledger:/data', 'busybox:test');
  const text = await host.sh(`curl -s --unix-socket ${host.folder}/run/docker.sock http://d/system/df`);
  const { Ledger } = JSON.parse(text) as {
    readonly Ledger: { readonly total: number; readonly rows: readonly { kind: string; name: string; bytes: number }[] };
  };
  assert.deepEqual(
    Ledger.rows.filter(({ kind }) => kind === 'unowned'),
    [],
  );
  for (const kind of ['layer', 'snapshot', 'volume', 'store'])
    assert.ok(
      Ledger.rows.some((row) => row.kind === kind),
      kind,
    );
  assert.equal(
    Ledger.rows.reduce((sum, { bytes }) => sum + bytes, 0),
    Ledger.total,
  );
  assert.equal(Number((await host.sh(`du -s -B1 ${host.folder}/data/engine`)).split('\t')[0]), Ledger.total);
  await host.docker('rm', '-v', 'ledger');
  await host.docker('volume', 'rm', 'ledger');
});
