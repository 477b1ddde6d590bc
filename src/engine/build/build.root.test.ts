import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { BuildLab } from '../../../test/support/build-lab.ts';
import { packTar } from '../archive/run-job.ts';

let lab: BuildLab;
before(async () => {
  lab = await BuildLab.open('build');
});
after(async () => {
  assert.deepEqual(lab.leftovers(), []);
  await lab[Symbol.asyncDispose]();
});

const dockerfile = `# syntax=docker/dockerfile:1
ARG BASE=busybox
FROM \${BASE} AS compile
ARG GREETING=hello
WORKDIR /src
COPY src/ .
RUN echo $GREETING > out && cat main >> out \\
    # a comment in between
    && echo built
FROM busybox AS unused
RUN exit 9
FROM busybox
ENV APP=/app MODE="a b"
COPY --from=compile --chown=1000:1001 --chmod=640 /src/out $APP/out
RUN echo "$MODE" > /mode; rm /etc/group
USER 1000
EXPOSE 80 8000-8001/udp
LABEL a=b
HEALTHCHECK --interval=5s CMD wget -q localhost
ENTRYPOINT ["cat"]
CMD ["/app/out"]
`;

test('a build of several stages: output, content, config, cache', async () => {
  const { images } = lab;
  const files = { Dockerfile: dockerfile, 'src/main': 'main\n', 'src/skip.log': 'x', '.dockerignore': '*/*.log\n' };
  const first = await lab.build(files, { names: ['app:1'], buildArgs: { GREETING: 'hi', NOPE: '1' } });
  assert.match(first.output, /^Step 1\/16 : ARG BASE=busybox\nStep 2\/16 : FROM \$\{BASE\} AS compile\n ---> [0-9a-f]{12}\n/);
  assert.match(
    first.output,
    /Step 6\/16 : RUN echo \$GREETING > out && cat main >> out +&& echo built\n ---> Running in [0-9a-f]{12}\nbuilt\n ---> Removed intermediate container [0-9a-f]{12}\n/,
  );
  assert.match(
    first.output,
    /\[Warning\] One or more build-args \[NOPE\] were not consumed\nSuccessfully built [0-9a-f]{12}\nSuccessfully tagged app:1\n$/,
  );
  await lab.inside('app:1', (root) => {
    assert.equal(readFileSync(`${root}/app/out`, 'utf8'), 'hi\nmain\n');
    assert.equal(readFileSync(`${root}/mode`, 'utf8'), 'a b\n');
    const stat = lstatSync(`${root}/app/out`);
    assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [1000, 1001, 0o640]);
    assert.equal(readdirSync(`${root}/etc`).includes('group'), false);
  });
  const { config } = (await images.get('app:1')).config;
  assert.deepEqual(
    [config.User, config.Cmd, config.Entrypoint, Object.keys(config.ExposedPorts ?? {})],
    ['1000', ['/app/out'], ['cat'], ['80/tcp', '8000/udp', '8001/udp']],
  );
  assert.deepEqual(config.Healthcheck, { Test: ['CMD-SHELL', 'wget -q localhost'], Interval: 5e9 });
  const history = await images.history('app:1');
  assert.equal(history[0]?.created_by, '/bin/sh -c #(nop)  CMD ["/app/out"]');
  assert.ok(history.slice(0, 9).every((row) => row.id !== undefined));

  const again = await lab.build({ ...files, 'src/other.log': 'ignored' }, { names: ['app:2'], buildArgs: { GREETING: 'hi' } });
  assert.equal(again.id, first.id);
  assert.equal(again.output.includes('Running in'), false);
  const changed = await lab.build({ ...files, 'src/main': 'new\n' }, { buildArgs: { GREETING: 'hi' } });
  assert.notEqual(changed.id, first.id);
  assert.match(changed.output, /Using cache[\s\S]*Running in/);
  const target = await lab.build(files, { target: 'compile', buildArgs: { GREETING: 'hi' }, labels: { l: "it's" } });
  assert.match(target.output, /Step 7\/7 : LABEL/);
  assert.deepEqual((await images.get(target.id)).config.config.Labels, { l: "it's" });
});

test('COPY follows the links of the image and never leaves it; ADD unpacks', async () => {
  const directory = lab.lab.folder;
  mkdirSync(`${directory}/t`);
  writeFileSync(`${directory}/t/in-tar`, 'x');
  execFileSync('tar', ['-C', `${directory}/t`, '-czf', `${directory}/t.tgz`, 'in-tar']);
  const tar = readFileSync(`${directory}/t.tgz`, 'latin1');
  const text = `FROM busybox
RUN mkdir -p /real /lib && ln -s /real /link && ln -s ../../../../../.. /up && ln -s lib /lib64
COPY a b* /link/
COPY a /up/${directory.slice(1)}/escaped
COPY tree /
COPY a /new/name
ADD t.tgz /unpacked/
COPY t.tgz /packed/
COPY <<EOF /script
line $HOME "q"
EOF
RUN <<EOF
echo one > /heredoc
echo two >> /heredoc
EOF
`;
  const context = mkdtempSync(`${directory}/binary-`);
  writeFileSync(`${context}/t.tgz`, tar, 'latin1');
  writeFileSync(`${context}/Dockerfile`, text);
  for (const name of ['a', 'b1', 'b2']) writeFileSync(`${context}/${name}`, name);
  mkdirSync(`${context}/tree/lib64`, { recursive: true });
  writeFileSync(`${context}/tree/lib64/so`, 'so');
  await lab.build({}, { context: packTar(context, { whiteouts: 'plain' }), names: ['c'] });
  await lab.inside('c', (root) => {
    assert.deepEqual(readdirSync(`${root}/real`), ['a', 'b1', 'b2']);
    assert.equal(readlinkSync(`${root}/lib64`), 'lib');
    assert.equal(readFileSync(`${root}/lib/so`, 'utf8'), 'so');
    assert.equal(readFileSync(`${root}/new/name`, 'utf8'), 'a');
    assert.deepEqual(readdirSync(`${root}/unpacked`), ['in-tar']);
    assert.deepEqual(readdirSync(`${root}/packed`), ['t.tgz']);
    assert.equal(readFileSync(`${root}/script`, 'utf8'), 'line  "q"\n');
    assert.equal(readFileSync(`${root}/heredoc`, 'utf8'), 'one\ntwo\n');
  });
  assert.equal(readdirSync(directory).includes('escaped'), false);
});

test('errors say where and what, and leave nothing behind', async () => {
  const { images } = lab;
  const count = (await images.list()).length;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'FROM busybox\nRUNN x',
      'invalid',
      /^dockerfile parse error on line 2: unknown instruction: RUNN \(did you mean RUN\?\)\nDockerfile:2:1\n   1 \| FROM busybox\n   2 \| RUNN x\n     \| \^~~~$/,
    ],
    ['RUN x', 'invalid', /dockerfile parse error on line 1: no build stage in current context/],
    [
      'FROM localhost:2/missing:1',
      'notFound',
      /base image localhost:2\/missing:1 is not on this host.*davit base localhost:2\/missing:1.*\nDockerfile:1:6\n   1 \| FROM localhost:2\/missing:1\n     \|      \^~+$/,
    ],
    [
      'FROM busybox\n\nCOPY nothing /x',
      'notFound',
      /^COPY failed: file not found in build context or excluded by \.dockerignore: stat nothing: file does not exist\nDockerfile:3:6\n   2 \| \n   3 \| COPY nothing \/x\n     \|      \^~~~~~~$/,
    ],
    ['FROM busybox\nCOPY --chown=nobodyhere Dockerfile /x', 'invalid', /no such user: nobodyhere/],
    ['FROM busybox\nRUN --security=insecure true', 'notImplemented', /never run privileged/],
    ['FROM busybox\nEXPOSE 99999', 'invalid', /invalid containerPort: 99999\nDockerfile:2:8\n/],
    ['', 'invalid', /cannot be empty/],
  ];
  for (const [text, kind, message] of cases) await assert.rejects(lab.build({ Dockerfile: text }), { kind, message }, text);
  await assert.rejects(lab.build({ Dockerfile: 'FROM busybox\nRUN exit 3' }), {
    message: "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
  });
  await assert.rejects(lab.build({ other: 'x' }), { message: 'Cannot locate specified Dockerfile: Dockerfile' });
  assert.equal((await images.list()).length, count);
});
