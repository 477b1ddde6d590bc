/** `davit build`, `davit build why` and `davit image explain` against a started davit. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';
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

const limits = `--ulimit nofile=123:456 --ulimit core=0 --memory 64m --memory-swap 96m --cpu-shares 77 --cpu-period 50000
  --cpu-quota 25000 --cpuset-cpus 0 --cpuset-mems 0 --shm-size 8m --add-host peer:10.9.8.7 --add-host six:fd00::6 --network none`.split(
  /\s+/,
);
const limited = `FROM busybox:test
RUN ulimit -Sn; ulimit -Hn; ulimit -c; df -k /dev/shm | awk 'NR==2{print $2}'; grep -E 'peer|six' /etc/hosts | tr '\\t' ' '; grep -c : /proc/net/dev
RUN g() { cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2; }; g memory/memory.limit_in_bytes memory.max; g cpu/cpu.cfs_quota_us cpu.max; g cpuset/cpuset.cpus cpuset.cpus
`;

test('what RUN may use: limits, hosts, network, through both clients', async () => {
  const folder = await context({ Dockerfile: limited });
  const seen = /123\n456\n0\n8192\n10\.9\.8\.7 +peer\nfd00::6 +six\n1\n[^]*67108864\n(?:25000|25000 50000)\n0\n/;
  const plain = async (args: readonly string[], env: Record<string, string> = {}): Promise<string> => {
    const { stdout, stderr, code } = await host.machine.run(args, { env });
    assert.equal(code, 0, stderr);
    return `${stdout}${stderr}`.replaceAll(/^#\d+ (?:[\d.]+ )?/gm, '').replaceAll(/^(?: ---> |Removed |Step |\[|DONE ).*\n/gm, '');
  };
  assert.match(await plain(['docker', 'build', '--no-cache', ...limits, folder], { DOCKER_BUILDKIT: '0' }), seen);
  assert.match(await plain([davit, 'build', '--no-cache', '--progress', 'plain', ...limits, folder]), seen);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--ulimit', 'nofile'], /invalid ulimit argument: nofile/],
    [['--memory', 'lots'], /invalid size for --memory: "lots"/],
    [['--network', 'moon'], /moon/],
    [['--output', 'type=local,dest=out'], /a build makes an image, not files/],
    [['--cache-to', 'type=inline'], /unknown option '--cache-to'/],
    [['--cache-from', 'type=gha'], /only images are supported/],
  ];
  for (const [flags, message] of wrong) {
    const { code, stderr } = await run(['build', ...flags, folder]);
    assert.notEqual(code, 0, flags.join(' '));
    assert.match(stderr, message);
  }
});

test('--no-cache-filter: the steps of one stage run again', async () => {
  const folder = await context({
    Dockerfile: 'FROM busybox:test AS One\nRUN echo 1 > /x\nFROM busybox:test\nRUN echo 2 > /y\nCOPY --from=one /x /x\n',
  });
  await ok(['build', '-q', folder]);
  const cached = async (...flags: readonly string[]): Promise<readonly string[]> => {
    await ok(['build', '-q', ...flags, folder]);
    const { steps } = JSON.parse((await ok(['build', 'why', '--output', 'json'])).stdout) as { steps: { text: string; outcome: string }[] };
    return steps.filter(({ text }) => text.startsWith('RUN')).map(({ text, outcome }) => `${text.slice(0, 10)} ${outcome}`);
  };
  assert.deepEqual((await cached('--no-cache-filter', 'one')).toSorted(), ['RUN echo 1 miss', 'RUN echo 2 hit']);
  assert.deepEqual((await cached('--no-cache-filter', 'other,two')).toSorted(), ['RUN echo 1 hit', 'RUN echo 2 hit']);
});

test('contexts from a URL: a tar, a Dockerfile alone; what is not there', async () => {
  const folder = await context({
    'in/Dockerfile': 'FROM busybox:test\nCOPY f /f\n',
    'in/f': 'from afar\n',
    alone: 'FROM busybox:test\nRUN echo alone > /f\n',
  });
  await host.sh(`tar -C ${folder}/in -czf ${folder}/c.tgz .`);
  const serve = `require('node:http').createServer((q, a) => { try { a.end(require('node:fs').readFileSync('${folder}' + q.url)) } catch { a.writeHead(404).end() } }).listen(8099, '127.0.0.1')`;
  const server = host.machine.start([process.execPath, '-e', serve]);
  try {
    await eventually(() => host.sh('grep -q :1FA3 /proc/net/tcp'), { withinMs: 10_000 });
    const url = 'http://127.0.0.1:8099';
    for (const build of [
      (from: string) => host.docker('build', '-q', from),
      async (from: string) => (await ok(['build', '-q', from])).stdout.trim(),
    ]) {
      assert.equal(await host.docker('run', '--rm', await build(`${url}/c.tgz`), 'cat', '/f'), 'from afar');
      assert.equal(await host.docker('run', '--rm', await build(`${url}/alone`), 'cat', '/f'), 'alone');
    }
    assert.match((await run(['build', `${url}/none`])).stderr, /failed to GET .*none: got status 404/);
  } finally {
    server.kill();
  }
});

test('image explain: links, directories, paths that never were, relative ones, images from elsewhere', async () => {
  const explain = async (...args: readonly string[]): Promise<string> => (await ok(['image', 'explain', ...args])).stdout;
  assert.match(await explain('busybox:test', 'bin/busybox'), /^\/bin\/busybox comes from layer 1 of [0-9a-f]{12}\n/);
  assert.match(await explain('busybox:test', '/bin/sh'), /symlink → busybox .*\nIt is a link: ask for \/bin\/busybox, too\n$/);
  assert.match(await explain('busybox:test', '/bin/../bin/'), /^\/bin comes from layer 1 .*\n.*\n1 +seen +directory +0755/);
  const told = JSON.parse(await explain('busybox:test', '/', '--output', 'json')) as { path: string; layers: { what: string }[] };
  assert.deepEqual([told.path, told.layers.map(({ what }) => what)], ['/', ['directory']]);
  assert.match((await run(['image', 'explain', 'busybox:test', '/etc/none'])).stderr, /no layer of busybox:test has \/etc\/none/);
  assert.match(
    (await run(['image', 'explain', 'busybox:test', '/bin/busybox/x'])).stderr,
    /no layer of busybox:test has \/bin\/busybox\/x/,
  );
  assert.match((await run(['image', 'explain', 'nowhere:1', '/x'])).stderr, /No such image: nowhere:1/);
  assert.match((await run(['image', 'explain', 'busybox:test'])).stderr, /missing required argument 'path'/);
  const folder = await context({ Dockerfile: 'FROM busybox:test\nRUN echo x > /x\n' });
  await ok(['build', '-q', '-t', 'bare:1', folder]);
  // As some tools write images: layers, and nothing about how they came about.
  await host.sh(`cd ${folder} && docker save bare:1 | tar x && ${process.execPath} - <<'END'
const { readFileSync, writeFileSync, renameSync } = require('node:fs');
const { createHash } = require('node:crypto');
const [one] = JSON.parse(readFileSync('manifest.json', 'utf8'));
const { history, ...config } = JSON.parse(readFileSync(one.Config, 'utf8'));
writeFileSync('config.json', JSON.stringify(config));
writeFileSync('manifest.json', JSON.stringify([{ ...one, Config: 'config.json', RepoTags: ['bare:2'] }]));
END
rm -f index.json oci-layout && tar c . | docker load`);
  assert.match(await explain('bare:2', '/x'), /\n2 +seen +file .* - +unknown: the image has no history for this layer\n$/);
});
