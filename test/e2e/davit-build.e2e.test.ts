/** `davit build`, `davit build why` and `davit image explain` against a started davit. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import type { Result } from '../support/machine.ts';

const davit = join(import.meta.dirname, '../../bin/davit');
let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('dbuild', 121);
});
after(async () => {
  await host[Symbol.asyncDispose]();
});

let folders = 0;

async function context(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(host.folder, `context-${folders++}`);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

const run = (
  args: readonly string[],
  options: { readonly input?: string | Buffer; readonly env?: Record<string, string> } = {},
): Promise<Result> => host.machine.run([davit, ...args], options);

async function ok(args: readonly string[], options: Parameters<typeof run>[1] = {}): Promise<Result> {
  const result = await run(args, options);
  assert.equal(result.code, 0, `${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result;
}

test('secrets, an agent, named contexts, arguments of the environment', async () => {
  const agent = join(host.folder, 'agent.sock');
  const heard: string[] = [];
  const server = createServer((socket) => socket.on('data', (data) => heard.push(data.toString())).on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(agent, resolve));
  try {
    const folder = await context({
      'app/Dockerfile': `FROM busybox:test
ARG WHO
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length
RUN --mount=type=secret,id=VAR,env=VAR echo "\${#VAR}" >> /length
RUN --mount=type=ssh,target=/dev/log logger -t step hello
COPY --from=extra e /e
RUN echo $WHO > /who
`,
      'extra/e': 'named',
      token: 'twelve chars',
    });
    const args = [
      '--secret',
      `id=token,src=${folder}/token`,
      '--secret',
      'id=VAR',
      '--ssh',
      `default=${agent}`,
      '--build-context',
      `extra=${folder}/extra`,
    ];
    const { stderr } = await ok(['build', '-t', 'app:1', ...args, '--build-arg', 'WHO', `${folder}/app`], {
      env: { VAR: 'four', WHO: 'me' },
    });
    assert.match(stderr, /^#1 \[1\/7\] FROM busybox:test\n#1 DONE /);
    assert.match(stderr, /Successfully tagged app:1\n$/);
    assert.equal(await host.docker('run', '--rm', 'app:1', 'cat', '/length', '/e', '/who'), '12\n4\nnamedme');
    assert.match(heard.join(''), /step: hello/);
  } finally {
    server.close();
  }
});

test('--ssh with a key file: a step signs with it and never sees it', async () => {
  const folder = await context({ said: 'a text' });
  const tools = '{ which ssh-add ssh-keygen; ldd $(which ssh-add ssh-keygen) | grep -o "/[^ :]* "; } | sort -u';
  await host.sh(`cd ${folder} && ssh-keygen -q -t ed25519 -N '' -f key && mkdir app && cp key.pub said app/ && cp -L $(${tools}) app/`);
  await writeFile(
    `${folder}/app/Dockerfile`,
    `FROM busybox:test
COPY . /t
RUN echo 'root:x:0:0::/root:/bin/sh' > /etc/passwd
RUN --mount=type=ssh for d in /lib /lib64 /usr/lib; do mkdir -p $d; cp /t/*.so.* $d/; done; /t/ssh-add -L > /keys && /t/ssh-keygen -q -Y sign -n test -f /t/key.pub /t/said
`,
  );
  await ok(['build', '-q', '-t', 'signed:1', '--ssh', `default=${folder}/key`, `${folder}/app`]);
  const shown = async (path: string): Promise<string> => host.docker('run', '--rm', 'signed:1', 'cat', path);
  assert.equal(
    (await shown('/keys')).split(' ').slice(0, 2).join(' '),
    (await readFile(`${folder}/key.pub`, 'utf8')).split(' ').slice(0, 2).join(' '),
  );
  await writeFile(`${folder}/sig`, `${await shown('/t/said.sig')}\n`);
  assert.match(await host.sh(`ssh-keygen -Y check-novalidate -n test -s ${folder}/sig < ${folder}/said`), /^Good "test" signature/);
  assert.match(
    (await run(['build', '--ssh', 'default=/nowhere', folder])).stderr,
    /--ssh default=\/nowhere: \/nowhere: no such socket or key/,
  );
  assert.match((await run(['build', '--ssh', `default=${folder}/said`, folder])).stderr, /said: not a private key/);
});

test('the context from standard input, the Dockerfile from elsewhere, what is ignored stays here', async () => {
  const folder = await context({
    Dockerfile: 'FROM busybox:test\nCOPY . /all/\nRUN ls -A /all > /list\n',
    'other/My.Dockerfile': 'FROM busybox:test\nCOPY . /all/\nRUN echo other > /list; ls -A /all >> /list\n',
    'other/My.Dockerfile.dockerignore': 'Dockerfile\nother\n',
    '.dockerignore': '*\n!keep\n',
    keep: 'k',
    drop: 'd',
  });
  const list = async (image: string): Promise<string> => host.docker('run', '--rm', image, 'cat', '/list');
  const plain = (await ok(['build', '-q', folder])).stdout.trim();
  assert.match(plain, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await list(plain), 'keep');
  const other = (await ok(['build', '-q', '-f', `${folder}/other/My.Dockerfile`, folder])).stdout.trim();
  assert.equal(await list(other), 'other\n.dockerignore\ndrop\nkeep');
  const outside = (await ok(['build', '-q', '-f', `${folder}/Dockerfile`, `${folder}/other`])).stdout.trim();
  assert.equal(await list(outside), 'My.Dockerfile\nMy.Dockerfile.dockerignore');
  const tar = Buffer.from(await host.sh(`tar -C ${folder} -cz Dockerfile keep | base64 -w0`), 'base64');
  assert.equal(await list((await ok(['build', '-q', '-'], { input: tar })).stdout.trim()), 'Dockerfile\nkeep');
  const text = 'FROM busybox:test\nRUN echo stdin > /list\n';
  assert.equal(await list((await ok(['build', '-q', '-'], { input: text })).stdout.trim()), 'stdin');
  assert.equal(
    await list(
      (await ok(['build', '-q', '-f', '-', folder], { input: 'FROM busybox:test\nCOPY keep /\nRUN ls /keep > /list' })).stdout.trim(),
    ),
    '/keep',
  );
});

test('JSON, the ID in a file, labels, target, no cache', async () => {
  const folder = await context({ Dockerfile: 'FROM busybox:test AS one\nRUN echo 1 > /x\nFROM one\nRUN echo 2 > /x\n' });
  const { stdout, stderr } = await ok([
    'build',
    '--output',
    'json',
    '-t',
    'j:1',
    '--target',
    'one',
    '--label',
    'k=v w',
    '--iidfile',
    `${folder}/iid`,
    folder,
  ]);
  const said = JSON.parse(stdout) as { image: string; names: string[] };
  assert.deepEqual([said.names, await readFile(`${folder}/iid`, 'utf8'), stderr], [['j:1'], said.image, '']);
  assert.equal(await host.docker('inspect', '-f', '{{.Config.Labels.k}} {{.Id}}', 'j:1'), `v w ${said.image}`);
  const again = await ok(['build', '--progress', 'plain', folder]);
  assert.match(again.stderr, /#2 CACHED\n/);
  const anew = await ok(['build', '--no-cache', folder]);
  assert.equal(anew.stderr.includes('CACHED'), false);
});

test('checks: told after a build, alone with --check, errors where the file wants it', async () => {
  const text = 'FROM busybox:test AS Base\nENV A=$HOEM\nCMD echo $A\n';
  const folder = await context({ Dockerfile: text, '.dockerignore': 'gone\n' });
  const built = await ok(['build', folder]);
  assert.match(
    built.stderr,
    /\n 3 warnings found \(davit build --check says more\):\n - StageNameCasing: .*'Base'.* \(line 1\)\n - UndefinedVar: Usage of undefined variable '\$HOEM' \(line 2\)\n - JSONArgsRecommended: .* for CMD .*\(line 3\)\n$/,
  );
  const checked = await run(['build', '--check', folder]);
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^Check complete, 3 warnings have been found!\n/);
  const shown =
    /\nWARNING: JSONArgsRecommended - https:\/\/docs\.docker\.com\/go\/dockerfile\/rule\/json-args-recommended\/\n.*\nDockerfile:3:1\n   2 \| .*\n   3 \| CMD echo \$A\n     \| \^~+\n$/;
  assert.match(checked.stdout, shown);
  const given = ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=all'];
  assert.equal((await ok(['build', '--check', ...given, folder])).stdout, 'Check complete, no warnings found.\n');
  const strict = await context({ Dockerfile: `# check=skip=StageNameCasing;error=true\n${text}RUN touch /never\n` });
  const refused = await run(['build', strict]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /davit: lint violation found for rules: UndefinedVar, JSONArgsRecommended.*\nDockerfile:3:1\n/);
  assert.doesNotMatch(refused.stderr, /#\d+ /, 'nothing is built');
  const report = await run(['build', '--check', '--output', 'json', strict]);
  const { isError, findings } = JSON.parse(report.stdout) as { isError: boolean; findings: readonly { rule: string; line: number }[] };
  assert.deepEqual(
    [isError, findings.map(({ rule, line }) => [rule, line])],
    [
      true,
      [
        ['UndefinedVar', 3],
        ['JSONArgsRecommended', 4],
      ],
    ],
  );
  const wrong = await run(['build', '--check', await context({ Dockerfile: 'FROM busybox:test\nRUNN x\n' })]);
  assert.match(wrong.stderr, /unknown instruction: RUNN \(did you mean RUN\?\)\nDockerfile:2:1\n/);
});

test('errors: where, what, and what it said last', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'FROM busybox:test\nRUN echo some output; exit 7\n',
      /some output\n─+\nDockerfile:2:1\n   1 \| FROM busybox:test\n   2 \| RUN echo some output; exit 7\n     \| \^~~\ndavit: The command '.*' returned a non-zero code: 7\n$/,
    ],
    [
      'FROM busybox:test\nCPOY a b\n',
      /davit: dockerfile parse error on line 2: unknown instruction: CPOY \(did you mean COPY\?\)\nDockerfile:2:1\n/,
    ],
    ['FROM nowhere.invalid/x:1\n', /davit: base image nowhere\.invalid\/x:1 is not on this host, and pulling it failed/],
    ['FROM busybox:test\nRUN --mount=type=secret,id=k,required=true true\n', /davit: secret k: not found: give it with --secret/],
  ];
  for (const [text, message] of cases) {
    const { code, stderr } = await run(['build', await context({ Dockerfile: text })]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  const flags: readonly (readonly [readonly string[], RegExp])[] = [
    [['build', '/nowhere'], /path "\/nowhere" not found/],
    [['build', '-f', '/nowhere', '.'], /failed to read dockerfile: \/nowhere/],
    [['build', '--squash', '.'], /--squash is not supported/],
    [['build', '--secret', 'id=a,src=/nowhere', '.'], /secret a: \/nowhere: no such file/],
    [['build', '--platform', 'linux/s390x', '-'], /platform linux\/s390x is not supported/],
  ];
  for (const [args, message] of flags) assert.match((await run(args, { input: 'FROM busybox:test' })).stderr, message);
});

test('why a step was built again; which step wrote a path', async () => {
  const files = { Dockerfile: 'FROM busybox:test\nCOPY a /etc/a\nRUN echo x >> /etc/a && rm /bin/vi\n', a: '1' };
  await ok(['build', '-q', '-t', 'why:1', await context(files)]);
  await ok(['build', '-q', '-t', 'why:1', await context({ ...files, a: '2' })]);
  const { stdout } = await ok(['build', 'why', 'why:1']);
  assert.match(
    stdout,
    /^build [0-9a-f]{12}, why:1, .*; compared with build [0-9a-f]{12}\nSTEP +STAGE +LINE +INSTRUCTION +CACHE +TIME +WHY\n/,
  );
  assert.match(stdout, /\n2 +2 +COPY a \/etc\/a +miss +\S+ +file a: content\n3 +3 +RUN .* +miss +\S+ +step 2 before it changed\n$/);
  const report = JSON.parse((await ok(['build', 'why', 'last', '--output', 'json'])).stdout) as { steps: { outcome: string }[] };
  assert.deepEqual(
    report.steps.map(({ outcome }) => outcome),
    ['hit', 'miss', 'miss'],
  );
  assert.match((await run(['build', 'why', 'nothing:1'])).stderr, /no build of nothing:1 is remembered/);
  const explained = (await ok(['image', 'explain', 'why:1', '/etc/a'])).stdout;
  assert.match(explained, /^\/etc\/a comes from layer 3 of [0-9a-f]{12}\nLAYER .*\n3 +seen +file +0644 +0:0 +3 +Dockerfile:3 +RUN echo x/);
  assert.match(explained, /\n2 +shadowed +file +0644 +0:0 +1 +Dockerfile:2 +COPY a \/etc\/a\n$/);
  assert.match(
    (await ok(['image', 'explain', 'why:1', '/bin/vi'])).stdout,
    /^\/bin\/vi is not in the image any more: layer 3 of .* took it away\n/,
  );
});
