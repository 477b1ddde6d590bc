import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  createReadStream,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { busyboxTar } from '../../../test/support/images.ts';
import { silentLog } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { memoryStore } from '../../store/memory.ts';
import { packTar } from '../archive/run-job.ts';
import { createEvents } from '../events/ring.ts';
import type { LocalImages } from '../images/local-images.ts';
import { openImages } from '../images/open.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import type { Builder, BuildRequest, StepRunner } from './builder.ts';
import { createBuilder } from './create-builder.ts';

interface Room {
  readonly directory: string;
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly builder: Builder;
  readonly kernel: Kernel;
  /** Builds from files by name; answers the output and, when it worked, the image. */
  build(
    files: Readonly<Record<string, string>>,
    request?: Partial<BuildRequest>,
  ): Promise<{ readonly output: string; readonly id: string }>;
  /** Looks into an image. */
  inside<T>(reference: string, look: (root: string) => T): Promise<T>;
}

/** Runs steps by chroot: enough to see that layers, environment and exit codes travel. */
function chrootRunner(snapshots: OverlaySnapshots, kernel: Kernel, directory: string): StepRunner {
  return {
    run: async (step, output) => {
      const [key, target] = [`step-${step.id.slice(0, 8)}`, `${directory}/step`];
      mkdirSync(target, { recursive: true });
      await snapshots.prepare(key, step.layers);
      kernel.mounts.mount(snapshots.mount(key, target));
      const env = Object.fromEntries(step.env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
      const result = spawnSync(
        '/usr/sbin/chroot',
        [target, '/bin/busybox', 'sh', '-c', 'cd "$0"; exec "$@"', step.workingDirectory, ...step.args],
        { env, encoding: 'buffer' },
      );
      output('stdout', result.stdout);
      kernel.mounts.unmount(target);
      const exitCode = result.status ?? 1;
      if (exitCode === 0) return { exitCode, layer: await snapshots.commit(key, { consume: true }) };
      await snapshots.remove(key);
      return { exitCode, layer: undefined };
    },
  };
}

async function room(run: (room: Room) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-build-`);
  const kernel = await openKernel({});
  const store = memoryStore();
  const dataRoot = `${directory}/data`;
  try {
    const { images, snapshots } = await openImages({ dataRoot, kernel, store, events: createEvents(), log: silentLog });
    await images.import(createReadStream(await busyboxTar()), { reference: 'busybox', changes: ['ENV PATH=/bin', 'CMD ["sh"]'] });
    const builder = createBuilder({
      images,
      snapshots,
      steps: chrootRunner(snapshots, kernel, directory),
      store,
      dataRoot,
      kernel,
      log: silentLog,
    });
    const build: Room['build'] = async (files, request = {}) => {
      const context = mkdtempSync(`${directory}/context-`);
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(`${context}/${name}`), { recursive: true });
        writeFileSync(`${context}/${name}`, content);
      }
      let [output, id] = ['', ''];
      const whole = {
        context: packTar(context, { whiteouts: 'plain' }),
        names: [],
        buildArgs: {},
        labels: {},
        noCache: false,
        pull: false,
        ...request,
      };
      for await (const item of builder.build(whole, new AbortController().signal)) {
        if ('stream' in item) output += item.stream;
        else id = item.imageId;
      }
      return { output, id };
    };
    const inside: Room['inside'] = async (reference, look) => {
      await snapshots.prepare('look', (await images.get(reference)).config.rootfs.diff_ids);
      const target = `${directory}/look`;
      mkdirSync(target, { recursive: true });
      kernel.mounts.mount(snapshots.mount('look', target));
      try {
        return look(target);
      } finally {
        kernel.mounts.unmount(target);
        await snapshots.remove('look');
      }
    };
    await run({ directory, images, snapshots, builder, kernel, build, inside });
    assert.deepEqual(
      kernel.mounts.list().filter((point) => point.target.startsWith(directory)),
      [],
    );
    assert.deepEqual(readdirSync(`${dataRoot}/tmp`), []);
    assert.deepEqual(snapshots.keys(), []);
  } finally {
    for (const point of kernel.mounts.list()) if (point.target.startsWith(directory)) kernel.mounts.unmount(point.target);
    await kernel[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}

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

test('a build of several stages: output, content, config, cache', () =>
  room(async ({ build, inside, images }) => {
    const files = { Dockerfile: dockerfile, 'src/main': 'main\n', 'src/skip.log': 'x', '.dockerignore': '*/*.log\n' };
    const first = await build(files, { names: ['app:1'], buildArgs: { GREETING: 'hi', NOPE: '1' } });
    assert.match(first.output, /^Step 1\/16 : ARG BASE=busybox\nStep 2\/16 : FROM \$\{BASE\} AS compile\n ---> [0-9a-f]{12}\n/);
    assert.match(
      first.output,
      /Step 6\/16 : RUN echo \$GREETING > out && cat main >> out +&& echo built\n ---> Running in [0-9a-f]{12}\nbuilt\n ---> Removed intermediate container [0-9a-f]{12}\n/,
    );
    assert.match(
      first.output,
      /\[Warning\] One or more build-args \[NOPE\] were not consumed\nSuccessfully built [0-9a-f]{12}\nSuccessfully tagged app:1\n$/,
    );
    await inside('app:1', (root) => {
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

    const again = await build({ ...files, 'src/other.log': 'ignored' }, { names: ['app:2'], buildArgs: { GREETING: 'hi' } });
    assert.equal(again.id, first.id);
    assert.equal(again.output.includes('Running in'), false);
    const changed = await build({ ...files, 'src/main': 'new\n' }, { buildArgs: { GREETING: 'hi' } });
    assert.notEqual(changed.id, first.id);
    assert.match(changed.output, /Using cache[\s\S]*Running in/);
    const target = await build(files, { target: 'compile', buildArgs: { GREETING: 'hi' }, labels: { l: "it's" } });
    assert.match(target.output, /Step 7\/7 : LABEL/);
    assert.deepEqual((await images.get(target.id)).config.config.Labels, { l: "it's" });
  }));

test('COPY follows the links of the image and never leaves it; ADD unpacks', () =>
  room(async ({ build, inside, directory }) => {
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
    await build({}, { context: packTar(context, { whiteouts: 'plain' }), names: ['c'] });
    await inside('c', (root) => {
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
  }));

test('errors say where and what, and leave nothing behind', () =>
  room(async ({ build, images }) => {
    const before = (await images.list()).length;
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['FROM busybox\nRUNN x', 'invalid', /^dockerfile parse error on line 2: unknown instruction: RUNN \(did you mean RUN\?\)$/],
      ['RUN x', 'invalid', /dockerfile parse error on line 1: no build stage in current context/],
      [
        'FROM localhost:2/missing:1',
        'notFound',
        /base image localhost:2\/missing:1 is not on this host.*davit base localhost:2\/missing:1.*\(Dockerfile:1: FROM localhost:2\/missing:1\)$/,
      ],
      [
        'FROM busybox\n\nCOPY nothing /x',
        'notFound',
        /^COPY failed: file not found in build context or excluded by \.dockerignore: stat nothing: file does not exist \(Dockerfile:3: COPY nothing \/x\)$/,
      ],
      ['FROM busybox\nCOPY --chown=nobodyhere Dockerfile /x', 'invalid', /no such user: nobodyhere/],
      ['FROM busybox\nRUN --mount=type=cache,target=/x true', 'notImplemented', /BuildKit/],
      ['FROM busybox\nEXPOSE 99999', 'invalid', /invalid containerPort: 99999 \(Dockerfile:2: EXPOSE 99999\)/],
      ['', 'invalid', /cannot be empty/],
    ];
    for (const [text, kind, message] of cases) await assert.rejects(build({ Dockerfile: text }), { kind, message }, text);
    await assert.rejects(build({ Dockerfile: 'FROM busybox\nRUN exit 3' }), {
      message: "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
      details: { exitCode: 3, file: 'Dockerfile', line: 2 },
    });
    await assert.rejects(build({ other: 'x' }), { message: 'Cannot locate specified Dockerfile: Dockerfile' });
    assert.equal((await images.list()).length, before);
  }));
