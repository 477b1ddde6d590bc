/** What COPY and ADD take besides names. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, lstatSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { BuildLab } from '../../../test/support/build-lab.ts';
import { packTar } from '../archive/run-job.ts';

let lab: BuildLab;
before(async () => {
  lab = await BuildLab.open('copy');
});
after(async () => {
  assert.deepEqual(lab.leftovers(), []);
  await lab[Symbol.asyncDispose]();
});

/** Files below a directory of an image, `name mode`. */
const tree = (reference: string, directory: string): Promise<readonly string[]> =>
  lab.inside(reference, (root) =>
    globSync('**', { cwd: `${root}${directory}`, exclude: (name) => name === '.' })
      .filter((name) => name !== '.' && name !== '')
      .sort(),
  );

const app = { 'src/a.ts': 'a', 'src/a.test.ts': 't', 'src/deep/b.ts': 'b', 'src/deep/b.md': 'm', 'docs/x.md': 'x', 'top.md': 'y' };

test('--parents keeps the path, from /./ on, with the directories’ modes', async () => {
  const { id } = await lab.build({
    ...app,
    'src/sh': { content: '#!', mode: 0o755 },
    Dockerfile:
      'FROM busybox\nCOPY --parents src/deep/b.ts top.md /all/\nCOPY --parents src/./deep/b.ts /pivot/\nCOPY --parents **/*.md /md/\nCOPY --parents src/deep /dir/\n',
  });
  assert.deepEqual(await tree(id, '/all'), ['src', 'src/deep', 'src/deep/b.ts', 'top.md']);
  assert.deepEqual(await tree(id, '/pivot'), ['deep', 'deep/b.ts']);
  assert.deepEqual(await tree(id, '/md'), ['docs', 'docs/x.md', 'src', 'src/deep', 'src/deep/b.md', 'top.md']);
  assert.deepEqual(await tree(id, '/dir'), ['src', 'src/deep', 'src/deep/b.md', 'src/deep/b.ts']);
});

test('--exclude leaves out, ! brings back; what is left out does not count for the cache', async () => {
  const files = {
    ...app,
    Dockerfile:
      'FROM busybox\nCOPY --exclude=**/*.md --exclude=*.test.ts src /a/\nCOPY --exclude=* --exclude=!deep/b.md src /b/\nCOPY --exclude=*.md top.md src/a.ts /c/\n',
  };
  const { id } = await lab.build(files);
  assert.deepEqual(await tree(id, '/a'), ['a.ts', 'deep', 'deep/b.ts']);
  assert.deepEqual(await tree(id, '/b'), ['deep', 'deep/b.md']);
  assert.deepEqual(await tree(id, '/c'), ['a.ts']);
  const changed = await lab.build({ ...files, 'src/a.test.ts': 'other', 'top.md': 'other' });
  assert.equal(changed.id, id);
});

test('--chmod, octal and symbolic; --chown by name', async () => {
  const { id } = await lab.build({
    'd/f': 'x',
    'd/x': { content: 'x', mode: 0o755 },
    Dockerfile: 'FROM busybox\nARG M=u=rwX,go=\nCOPY --chmod=$M --chown=nobody:7 d /d/\nCOPY --chmod=4711 d/f /f\n',
  });
  await lab.inside(id, (root) => {
    const shown = (path: string): string => {
      const { mode, uid, gid } = lstatSync(`${root}${path}`);
      return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
    };
    assert.deepEqual(['/d/f', '/d/x', '/f'].map(shown), ['600 65534:7', '700 65534:7', '4711 0:0']);
  });
  await assert.rejects(lab.build({ a: '', Dockerfile: 'FROM busybox\nCOPY --chmod=9 a /a' }), {
    message: /invalid chmod parameter: '9'.*\nDockerfile:2:14\n/,
  });
});

test('--link does not follow links of the image, and its layer does not depend on what is below', async () => {
  const text = (base: string): string => `FROM busybox\nRUN ${base}\nCOPY --link a /to/a\n`;
  const first = await lab.build({ a: 'a', Dockerfile: text('mkdir /real && ln -s /real /to') });
  await lab.inside(first.id, (root) => {
    assert.equal(lstatSync(`${root}/to`).isDirectory(), true);
    assert.equal(readFileSync(`${root}/to/a`, 'utf8'), 'a');
  });
  const layer = async (id: string): Promise<unknown> => (await lab.images.get(id)).config.rootfs.diff_ids.at(-1);
  const options = { buildArgs: { SOURCE_DATE_EPOCH: '1000' } };
  const [a, b] = [
    await lab.build({ a: 'a', Dockerfile: text('echo 1 > /x') }, options),
    await lab.build({ a: 'a', Dockerfile: text('echo 2 > /y') }, options),
  ];
  assert.equal(await layer(a.id), await layer(b.id));
});

test('ADD of URLs, with a checksum; a tar from elsewhere stays a tar unless --unpack', async () => {
  const folder = lab.folder({ f: 'in tar' });
  const tar = execFileSync('tar', ['-C', folder, '-cz', 'f']);
  const server = createServer((request, response) => {
    if (request.url === '/gone') return response.writeHead(404).end();
    return response.writeHead(200, { 'last-modified': 'Mon, 02 Jan 2006 15:04:05 GMT' }).end(tar);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sum = createHash('sha256').update(tar).digest('hex');
  try {
    const { id } = await lab.build({
      Dockerfile: `FROM busybox\nADD ${url}/x%20y.tgz /\nADD --checksum=sha256:${sum} --chmod=644 ${url}/z /named\nADD --unpack=true ${url}/t.tgz /open/\n`,
    });
    await lab.inside(id, (root) => {
      const stat = statSync(`${root}/x y.tgz`);
      assert.deepEqual([stat.size, stat.mode & 0o777, stat.mtime.toISOString()], [tar.length, 0o600, '2006-01-02T15:04:05.000Z']);
      assert.equal(statSync(`${root}/named`).mode & 0o777, 0o644);
      assert.equal(readFileSync(`${root}/open/f`, 'utf8'), 'in tar');
    });
    const bad: readonly (readonly [string, RegExp])[] = [
      [`ADD ${url}/gone /`, /failed to GET .*\/gone: got status 404/],
      [
        `ADD --checksum=sha256:${'0'.repeat(64)} ${url}/z /`,
        new RegExp(`digest mismatch for .*: expected sha256:0{64}, got sha256:${sum}`),
      ],
      ['ADD --checksum=abc a /', /invalid checksum "abc"/],
      [`ADD --checksum=sha256:${sum} Dockerfile /`, /for a single HTTP\(S\) URL/],
      [`ADD ${url}/ /`, /cannot determine a file name/],
      [`ADD ${url}/%2e%2e%2f.. /`, /cannot determine a file name/],
      [`COPY ${url}/x /`, /source can't be a URL for COPY/],
      ['COPY git@host:a/b.git /', /source can't be a git ref for COPY/],
      ['COPY Dockerfile <<E\nE', /COPY cannot accept a heredoc as a destination/],
      ['COPY "a b" /', /failed to process "\\"a": unexpected end of statement while looking for matching double-quote/],
    ];
    for (const [line, message] of bad) await assert.rejects(lab.build({ Dockerfile: `FROM busybox\n${line}` }), { message }, line);
    const remote = await lab.build({}, { remote: `${url}/t.tgz`, dockerfile: 'f' }).catch((error: unknown) => String(error));
    assert.match(String(remote), /unknown instruction: in/, 'the tar is the context');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('named contexts: a directory for --from and FROM, an image in place of another', async () => {
  const contexts = {
    extra: { tar: packTar(lab.folder({ e: 'extra' }), { whiteouts: 'plain' as const }) },
    'some/base:1': { image: 'busybox' },
  };
  const { id } = await lab.build(
    { Dockerfile: 'FROM some/base:1\nCOPY --from=extra e /e\nRUN --mount=from=extra,target=/m cp /m/e /f\n' },
    { contexts },
  );
  await lab.inside(id, (root) => assert.equal(readFileSync(`${root}/e`, 'utf8') + readFileSync(`${root}/f`, 'utf8'), 'extraextra'));
  const based = await lab.build(
    { Dockerfile: 'FROM extra\nCMD ["x"]\n' },
    { contexts: { extra: { tar: packTar(lab.folder({ e: 'extra' }), { whiteouts: 'plain' }) } } },
  );
  assert.deepEqual(await tree(based.id, '/'), ['e']);
});

const git = spawnSync('git', ['--version']).status === 0;

test(
  'git: contexts, ADD, references, directories, the .git directory on request',
  { skip: git ? false : 'git is not installed (apt-get install git)' },
  async () => {
    const served = mkdtempSync(`${lab.lab.folder}/git-`);
    const work = lab.folder({ 'sub/Dockerfile': 'FROM busybox\nCOPY f /f\n', 'sub/f': 'one' });
    const run = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { encoding: 'utf8' }).trim();
    run('init', '-q', '-b', 'main');
    run('add', '.');
    run('commit', '-qm', '1');
    run('tag', 'v1');
    execFileSync('sh', ['-c', `echo two > ${work}/sub/f`]);
    run('commit', '-qam', '2');
    execFileSync('git', ['clone', '-q', '--bare', work, `${served}/r.git`]);
    const { spawn } = await import('node:child_process');
    const daemon = spawn('git', ['daemon', '--reuseaddr', '--listen=127.0.0.1', '--port=9418', '--export-all', `--base-path=${served}`], {
      stdio: 'pipe',
    });
    try {
      const url = 'git://127.0.0.1/r.git';
      const { eventually } = await import('../../../test/support/eventually.ts');
      await eventually(async () => execFileSync('git', ['ls-remote', url], { stdio: 'pipe' }), { withinMs: 10_000 });
      const contents = async (id: string, path: string): Promise<string> =>
        lab.inside(id, (root) => readFileSync(`${root}${path}`, 'utf8').trim());
      assert.equal(await contents((await lab.build({}, { remote: `${url}#main:sub` })).id, '/f'), 'two');
      assert.equal(await contents((await lab.build({}, { remote: `${url}#v1:sub` })).id, '/f'), 'one');
      const added = await lab.build({
        Dockerfile: `FROM busybox\nADD ${url}#v1 /r/\nADD --keep-git-dir=true ${url} /k/\nADD ${url}#${run('rev-parse', 'v1')}:sub /c/\n`,
      });
      assert.deepEqual(await tree(added.id, '/r'), ['sub', 'sub/Dockerfile', 'sub/f']);
      assert.equal(await contents(added.id, '/c/f'), 'one');
      await lab.inside(added.id, (root) => assert.equal(lstatSync(`${root}/k/.git`).isDirectory(), true));
      await assert.rejects(lab.build({}, { remote: `${url}#nope` }), { message: /failed to load git:\/\/127\.0\.0\.1\/r\.git: git/ });
      await assert.rejects(lab.build({}, { remote: `${url}#main:nowhere` }), { message: /there is no directory nowhere/ });
    } finally {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill();
      await ended;
    }
  },
);

test('what .dockerignore leaves out is named with its line', async () => {
  const files = { 'a.log': 'x', b: 'b', '.dockerignore': '# logs\n*.log\n!keep.log\n', Dockerfile: 'FROM busybox\nCOPY a.log /\n' };
  await assert.rejects(lab.build(files), {
    kind: 'notFound',
    message: /stat a\.log: file does not exist: it is left out by \.dockerignore:2: \*\.log\nDockerfile:2:6\n/,
  });
  const own = await lab.build(
    { ...files, 'x.Dockerfile': 'FROM busybox\nCOPY . /all/\n', 'x.Dockerfile.dockerignore': 'b\n*ockerfile*\n' },
    { dockerfile: 'x.Dockerfile' },
  );
  assert.deepEqual(await tree(own.id, '/all'), ['a.log'], 'a .dockerignore of its own, and names with a dot are not shown here');
});
